"""The proxy between servers and brokers: what its rules do to connections."""

from __future__ import annotations

import os
import socket
import threading
import time
import unittest

from tests.fault.links import owner
from tests.fault.proxy import CUT, HALF_OPEN, SLOW, Link, Proxy, Rule
from tests.support.patience import SECONDS


class ProxyTest(unittest.TestCase):
    """Two links, `1` and `2`, to one server that says everything back."""

    def setUp(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        target = listener.getsockname()[1]
        self.owners: dict[int, int] = {}
        links = [Link(1, 0, target), Link(2, 0, target)]
        self.proxy = self.enterContext(Proxy(links, lambda source, _: self.owners.get(source)))

    def connect(self, node: int = 1, server: int | None = None) -> socket.socket:
        made = socket.socket()
        made.bind(("127.0.0.1", 0))
        if server is not None:
            self.owners[made.getsockname()[1]] = server
        made.settimeout(SECONDS)
        made.connect(("127.0.0.1", self.proxy.ports()[node - 1]))
        self.addCleanup(made.close)
        return made

    def check_echo(self, connection: socket.socket, data: bytes = b"hello") -> None:
        connection.sendall(data)
        received = b""
        while len(received) < len(data):
            self.assertTrue(part := connection.recv(1 << 16), "closed")
            received += part
        self.assertEqual(received, data)

    def check_closed(self, connection: socket.socket) -> None:
        with self.assertRaises(OSError):
            for _ in range(1000):
                connection.sendall(b"hello")
                if not connection.recv(1 << 16):
                    raise ConnectionResetError

    def add(self, *rule: object) -> Rule:
        made = Rule(*rule)
        self.proxy.add(made)
        return made

    def test_what_is_sent_arrives_both_ways(self) -> None:
        self.check_echo(self.connect(), os.urandom(1 << 20))

    def test_the_end_of_one_side_is_told_to_the_other(self) -> None:
        connection = self.connect()
        connection.sendall(b"last")
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(connection.makefile("rb").read(), b"last")

    def test_cut_closes_and_refuses_until_it_is_healed(self) -> None:
        connection = self.connect()
        self.check_echo(connection)
        rule = self.add(CUT)
        self.check_closed(connection)
        self.check_closed(self.connect())
        self.proxy.remove(rule)
        self.check_echo(self.connect())

    def test_a_rule_of_one_broker_leaves_the_others(self) -> None:
        first, second = self.connect(1), self.connect(2)
        self.check_echo(first)
        self.check_echo(second)
        self.add(CUT, 1)
        self.check_closed(first)
        self.check_echo(second)

    def test_a_rule_of_one_server_leaves_the_others(self) -> None:
        first, second = self.connect(1, server=0), self.connect(1, server=1)
        self.check_echo(first)
        self.check_echo(second)
        self.add(CUT, None, 0)
        self.check_closed(first)
        self.check_echo(second)

    def test_slow_delays_and_loses_nothing(self) -> None:
        connection = self.connect()
        self.add(SLOW, None, None, 0.2)
        begin = time.monotonic()
        self.check_echo(connection)
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)

    def test_half_open_is_silent_then_reset(self) -> None:
        connection = self.connect()
        self.check_echo(connection)
        rule = self.add(HALF_OPEN)
        connection.sendall(b"hello")
        connection.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            connection.recv(1)
        connection.settimeout(SECONDS)
        self.proxy.remove(rule)
        self.check_closed(connection)
        self.check_echo(self.connect())

    def test_half_open_resets_only_what_it_silenced(self) -> None:
        idle = self.connect()
        self.check_echo(idle)
        self.proxy.remove(self.add(HALF_OPEN))
        self.check_echo(idle)


class OwnerTest(unittest.TestCase):
    def test_the_process_of_a_connection(self) -> None:
        listener = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        self.check_owner(self.enterContext(socket.create_connection(listener.getsockname())))

    def test_ended_connections_from_the_same_port_are_passed_over(self) -> None:
        port = 0
        for _ in range(8):
            listener = self.enterContext(socket.create_server(("127.0.0.1", 0)))
            connection = self.enterContext(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(("127.0.0.1", port))
            port = connection.getsockname()[1]
            connection.connect(listener.getsockname())
            self.check_owner(connection)
            accepted, _ = listener.accept()
            connection.close()  # First, and so listed on.
            accepted.close()

    def check_owner(self, connection: socket.socket) -> None:
        source, target = connection.getsockname()[1], connection.getpeername()[1]
        self.assertEqual(owner(source, target, [None, 1, os.getpid()]), 2)
        self.assertIsNone(owner(source, target, [1]))


def echo(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo_one, args=(connection,), daemon=True).start()


def _echo_one(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        except OSError:
            pass


if __name__ == "__main__":
    unittest.main()
