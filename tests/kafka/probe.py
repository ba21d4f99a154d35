"""Asks a broker, by a hand-written request, which brokers of its cluster are up.

An open port proves little: a starting broker accepts connections before it serves. A Metadata
answer lists only unfenced brokers, the ones that lead partitions and take requests.
"""

from __future__ import annotations

import socket
import struct
from io import BufferedReader

_METADATA_KEY = 3
_METADATA_VERSION = 1  # The last one without compact encodings that can ask for no topics.
_CLIENT_ID = b"eventbus-kafka-probe"
_MAX_ANSWER_BYTES = 1 << 20


def live_brokers(host: str, port: int, timeout: float = 2.0) -> set[int]:
    """Ids of the brokers that the one at `host:port` knows to be up.

    Raises OSError (also for an answer that is not Kafka's) if it does not answer.
    """
    with socket.create_connection((host, port), timeout) as connection:
        connection.settimeout(timeout)
        connection.sendall(_request())
        with connection.makefile("rb") as stream:
            (size,) = struct.unpack(">i", _read(stream, 4))
            if not 0 < size <= _MAX_ANSWER_BYTES:
                raise ConnectionError(f"{host}:{port} does not speak Kafka")
            return _broker_ids(_read(stream, size))


def _request() -> bytes:
    """Header v1 (key, version, correlation id, client id), then an empty array of topics."""
    header = struct.pack(">hhih", _METADATA_KEY, _METADATA_VERSION, 1, len(_CLIENT_ID))
    body = header + _CLIENT_ID + struct.pack(">i", 0)
    return struct.pack(">i", len(body)) + body


def _read(stream: BufferedReader, size: int) -> bytes:
    """Exactly `size` bytes."""
    data = stream.read(size)
    if len(data) < size:
        raise ConnectionError("the broker closed the connection")
    return data


def _broker_ids(answer: bytes) -> set[int]:
    """Reads `correlation_id, [node_id, host, port, rack]`; what follows is of no interest."""
    try:
        (count,) = struct.unpack_from(">i", answer, 4)
        offset, ids = 8, set()
        for _ in range(count):
            node, host_length = struct.unpack_from(">ih", answer, offset)
            offset += 6 + host_length + 4
            (rack_length,) = struct.unpack_from(">h", answer, offset)
            offset += 2 + max(rack_length, 0)
            ids.add(node)
        return ids
    except struct.error as error:
        raise ConnectionError(f"malformed Metadata answer: {error}") from error
