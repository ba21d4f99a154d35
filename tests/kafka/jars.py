"""Kafka's jars: fetched once with Maven into a cache, and the java command lines that use them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from errors import KafkaError

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
CACHE_VARIABLE = "EVENTBUS_KAFKA_CACHE"
# Present in a complete set of jars; holds the digest of the pom.xml it was resolved from.
_MARKER = "RESOLVED"
_ATTEMPTS = 4
_ATTEMPT_SECONDS = 600.0


def kafka_version() -> str:
    """The Kafka version that pom.xml pins."""
    found = ElementTree.parse(POM).findtext(".//{*}kafka.version")
    if not found:
        raise KafkaError(f"{POM.name}: no kafka.version")
    return found


def default_cache() -> Path:
    """The cache directory named by the environment, else one in the user's cache."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "eventbus" / f"kafka-{kafka_version()}"


def resolve(cache: Path) -> Path:
    """Returns the directory of the jars in `cache`, fetching them if they are not complete.

    Safe to call from several processes at once. Raises KafkaError if the jars cannot be had.
    """
    jars = cache.absolute() / "jars"
    if _is_complete(jars):
        return jars
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / "lock"):
            if not _is_complete(jars):
                _fetch(jars)
    except OSError as error:
        raise KafkaError(f"cache {cache}: {error}") from error
    return jars


def java(jars: Path, heap: str = "256m", full_jit: bool = False) -> list[str]:
    """The start of a java command line: the options, the class path, but no class."""
    jit = [] if full_jit else ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [
        _java_program(),
        f"-Xmx{heap}",
        *jit,
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
        "-cp",
        f"{jars}/*",
    ]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on the file at `path`, made if missing; the kernel frees it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _java_program() -> str:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if not found:
        raise KafkaError("java not found: install a Java 17 runtime (openjdk-17-jre-headless)")
    return found


def _is_complete(jars: Path) -> bool:
    with contextlib.suppress(OSError):
        return (jars / _MARKER).read_text() == _digest()
    return False


def _digest() -> str:
    return hashlib.sha256(POM.read_bytes()).hexdigest()


def _fetch(jars: Path) -> None:
    """Resolves into a directory beside `jars`, then renames: `jars` is whole or not there."""
    if not shutil.which("mvn"):
        raise KafkaError("mvn not found: install Maven (maven), or set " + CACHE_VARIABLE)
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="resolving-") as temporary:
        fresh = Path(temporary) / "jars"
        _run_maven(fresh)
        (fresh / _MARKER).write_text(_digest())
        if jars.exists():
            jars.rename(Path(temporary) / "stale")
        fresh.rename(jars)


def _run_maven(output: Path) -> None:
    """Copies the jars to `output`; a failed download is tried again a few times."""
    command = ["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", str(POM),
               "dependency:copy-dependencies", f"-DoutputDirectory={output}"]
    problem = _maven_problem(command)
    for attempt in range(1, _ATTEMPTS):
        if problem is None:
            return
        print(f"kafka: Maven failed, attempt {attempt} of {_ATTEMPTS}", file=sys.stderr)
        time.sleep(2.0**attempt)
        # Maven remembers a failed download; only --update-snapshots makes it ask again.
        problem = _maven_problem([*command, "--update-snapshots"])
    if problem is not None:
        raise KafkaError(f"Kafka's jars cannot be resolved; Maven says:\n{problem}")


def _maven_problem(command: list[str]) -> str | None:
    """Runs Maven; returns the end of what it printed if it failed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=_ATTEMPT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end after {_ATTEMPT_SECONDS:.0f} s"
    return None if done.returncode == 0 else done.stdout.strip()[-2000:]
