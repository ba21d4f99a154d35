"""What lies between the servers and the brokers: TCP connections, each of which can be cut, slowed
and silenced by rules while it goes on.

A rule says which connections it is of, by broker and by server, and what befalls them:

    cut         closed at once, and refused
    slow        whatever is sent comes late, in either direction
    half_open   nothing is forwarded, and nobody is told; when the rule goes the connection is
                reset, as by a peer that does not know it
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

CUT, SLOW, HALF_OPEN = "cut", "slow", "half_open"
_CHUNK = 64 << 10


@dataclass(frozen=True, eq=False)
class Rule:
    """None: of all brokers, of all servers."""

    what: str
    node: int | None = None
    server: int | None = None
    delay: float = 0.25

    def covers(self, node: int, server: int | None) -> bool:
        return self.node in (None, node) and self.server in (None, server)


@dataclass(eq=False)
class _Connection:
    node: int
    server: int | None
    writers: list[asyncio.StreamWriter]
    silenced: bool = False

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


@dataclass(frozen=True)
class Link:
    """Connections to `port` go on to `target`, a broker's."""

    node: int
    port: int
    target: int


@dataclass
class Proxy:
    """Runs in a thread of its own. `owner` names the server whose connection goes from a
    port to one of the links'."""

    links: list[Link]
    owner: Callable[[int, int], int | None] = lambda source, target: None
    _rules: list[Rule] = field(default_factory=list)
    _connections: set[_Connection] = field(default_factory=set)

    def __enter__(self) -> Proxy:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._servers = self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ports(self) -> list[int]:
        """Those it listens on, by link."""
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    def add(self, rule: Rule) -> None:
        self._do(self._add(rule))

    def remove(self, rule: Rule) -> None:
        self._do(self._remove(rule))

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    # On the loop.

    async def _listen(self) -> list[asyncio.Server]:
        async def listen(link: Link) -> asyncio.Server:
            return await asyncio.start_server(
                lambda reader, writer: self._serve(link, reader, writer), "127.0.0.1", link.port)
        return [await listen(link) for link in self.links]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0.01)

    async def _add(self, rule: Rule) -> None:
        self._rules.append(rule)
        if rule.what == CUT:
            self._abort(lambda each: rule.covers(each.node, each.server))

    async def _remove(self, rule: Rule) -> None:
        self._rules.remove(rule)
        if rule.what == HALF_OPEN:
            self._abort(lambda each: each.silenced and rule.covers(each.node, each.server))

    def _abort(self, condition: Callable[[_Connection], bool]) -> None:
        for connection in filter(condition, list(self._connections)):
            connection.abort()

    def _rule(self, connection: _Connection, *kinds: str) -> Rule | None:
        return next((rule for rule in self._rules if rule.what in kinds
                     and rule.covers(connection.node, connection.server)), None)

    async def _serve(self, link: Link, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        source, target = (writer.get_extra_info(end)[1] for end in ("peername", "sockname"))
        connection = _Connection(link.node, self.owner(source, target), [writer])
        if self._rule(connection, CUT):
            connection.abort()
            return
        self._connections.add(connection)
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", link.target)
            connection.writers.append(to_writer)
            await asyncio.gather(self._pump(connection, reader, to_writer),
                                 self._pump(connection, to_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass  # One end is gone, so is the other.
        finally:
            connection.abort()
            self._connections.discard(connection)

    async def _pump(self, connection: _Connection, reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if slow := self._rule(connection, SLOW):
                await asyncio.sleep(slow.delay)
            while self._rule(connection, HALF_OPEN):
                connection.silenced = True
                await asyncio.sleep(0.02)
            if writer.transport.is_closing():
                return
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()
