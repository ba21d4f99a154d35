"""The server as a process, on its embedded Kafka: start, listeners, health, log, signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import unittest

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support import requests
from tests.support.environment import SERVER, for_server
from tests.support.errors import reason
from tests.support.patience import SECONDS
from tests.support.requests import EARLIEST, LATEST
from tests.support.server import NOT_SERVING, SERVICE, SERVING, Server, connect
from tests.support.stubs import EventBusServiceStub


def run(*flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a server that is to end by itself."""
    return subprocess.run([str(SERVER), *flags], env=for_server(**variables),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS, check=False)


class OptionsTest(unittest.TestCase):
    def check_refused(self, message: str, *flags: str, **variables: str) -> None:
        ended = run("--listen", "127.0.0.1:0", *flags, **variables)
        self.assertNotIn(ended.returncode, (0, -signal.SIGABRT, -signal.SIGSEGV))
        self.assertIn(message, ended.stdout + ended.stderr)

    def test_help_explains_and_ends_with_0(self) -> None:
        ended = run("--help")
        self.assertEqual(ended.returncode, 0)
        for word in ("--listen", "--kafka_property", "EVENTBUS_DRAIN_TIMEOUT", "25s"):
            self.assertIn(word, ended.stdout)

    def test_version_ends_with_0(self) -> None:
        ended = run("--version")
        self.assertEqual(ended.returncode, 0)
        self.assertRegex(ended.stdout, r"^eventbus-server \d+\.\d+\.\d+\n$")

    def test_a_wrong_flag_is_refused(self) -> None:
        self.check_refused("--no_such_flag", "--no_such_flag=1")
        self.check_refused("max_streams", "--max_streams=0")
        self.check_refused('"never", 1s to 1h is allowed', "--drain_timeout=never")
        self.check_refused("earliest", "--kafka_auto_offset_reset=sometime")

    def test_a_routable_address_is_refused_unless_in_words(self) -> None:
        ended = run("--listen", "0.0.0.0:0")
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("--allow_plaintext", ended.stderr)
        with Server("--embedded_kafka", "--allow_plaintext", listen=("0.0.0.0:0",)) as server:
            self.assertRegex(server.addresses[0], r"^0\.0\.0\.0:[1-9]")

    def test_a_wrong_variable_is_refused(self) -> None:
        self.check_refused("max_streams: Value many", EVENTBUS_MAX_STREAMS="many")
        self.check_refused("KAFKA_AUTO_OFFSET_RESET", KAFKA_AUTO_OFFSET_RESET="none")

    def test_a_kafka_property_is_refused_with_the_reason(self) -> None:
        self.check_refused("no.such.property: unknown", "--kafka_property", "no.such.property=1")
        self.check_refused("acks", "--kafka_property", "acks=1")
        self.check_refused("linger.ms", "--kafka_property", "linger.ms=soon")
        self.check_refused("key=value", "--kafka_property", "linger.ms")

    def test_a_kafka_config_is_refused_with_the_reason(self) -> None:
        self.check_refused("/no/such/file", "--kafka_config", "/no/such/file")
        with tempfile.NamedTemporaryFile("w", suffix=".properties") as file:
            file.write("# Of another client.\nenable.auto.commit=true\n")
            file.flush()
            self.check_refused("enable.auto.commit", "--kafka_config", file.name)

    def test_variables_of_other_software_are_ignored(self) -> None:
        with Server("--embedded_kafka", KAFKA_PORT="tcp://10.0.0.1:9092") as server:
            server.wait_for_health(SERVING)


class ListenTest(unittest.TestCase):
    def setUp(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.path = os.path.join(self._folder.name, "eventbus.sock")

    def test_a_unix_socket_serves_beside_tcp(self) -> None:
        listen = (f"unix:{self.path}", "127.0.0.1:0")
        with Server("--embedded_kafka", listen=listen) as server:
            self.assertEqual(server.addresses[0], listen[0])
            for address in server.addresses:
                with self.subTest(address), connect(address) as channel:
                    stub = EventBusServiceStub(channel)
                    published = stub.Publish(requests.uploaded(), timeout=SECONDS)
                    self.assertEqual(published.topic, "document-events")

    def test_a_stale_socket_is_no_obstacle(self) -> None:
        left = socket.socket(socket.AF_UNIX)
        left.bind(self.path)
        left.close()
        with Server("--embedded_kafka", listen=(f"unix:{self.path}",)) as server:
            server.wait_for_health(SERVING)

    def test_a_socket_does_not_outlive_its_server(self) -> None:
        with Server("--embedded_kafka", listen=(f"unix:{self.path}",)) as server:
            server.send(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.assertFalse(os.path.exists(self.path))

    def test_a_port_in_use_is_refused(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            ended = run("--listen", address, "--embedded_kafka")
            self.assertEqual(ended.returncode, 1)
            self.assertIn(address, ended.stderr)
            self.assertIn("in use", ended.stderr)

    def test_a_servers_socket_is_not_taken_from_it(self) -> None:
        address = f"unix:{self.path}"
        with Server("--embedded_kafka", listen=(address,)) as server:
            ended = run("--listen", address, "--embedded_kafka")
            self.assertEqual(ended.returncode, 1)
            self.assertIn(address, ended.stderr)
            self.assertIn("in use", ended.stderr)
            server.wait_for_health(SERVING)


class HealthTest(unittest.TestCase):
    def test_each_service_by_name_and_no_other(self) -> None:
        with Server("--embedded_kafka") as server:
            server.wait_for_health(SERVING)
            with self.assertRaises(grpc.RpcError) as refused:
                server.health("eventbus.v1.NoSuchService")
            self.assertEqual(refused.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_a_watch_sees_the_drain(self) -> None:
        with Server("--embedded_kafka") as server, connect(server.address) as channel:
            server.wait_for_health(SERVING)
            watch = health_pb2_grpc.HealthStub(channel).Watch(
                health_pb2.HealthCheckRequest(service=SERVICE), timeout=SECONDS)
            self.assertEqual(next(watch).status, SERVING)
            server.send(signal.SIGTERM)
            self.assertEqual(next(watch).status, NOT_SERVING)
            watch.cancel()
            self.assertEqual(server.wait(), 0)


class LogTest(unittest.TestCase):
    def test_no_line_per_event(self) -> None:
        with Server("--embedded_kafka") as server:
            server.wait_for_health(SERVING)
            tail = server.stub.Subscribe(requests.documents(EARLIEST), timeout=SECONDS)
            self.assertTrue(next(tail).HasField("started"))
            server.log.wait_for("stream started")
            before = server.log.lines()
            calls = [server.stub.Publish.future(requests.uploaded(), timeout=SECONDS)
                     for _ in range(1000)]
            for call in calls:
                call.result()
            left = 1000
            while left > 0:
                left -= len(next(tail).batch.events)
            self.assertEqual(server.log.lines(), before)
            tail.cancel()


class SignalTest(unittest.TestCase):
    def check_drain(self, number: signal.Signals) -> None:
        with Server("--embedded_kafka") as server:
            server.wait_for_health(SERVING)
            tail = server.stub.Subscribe(requests.documents(LATEST), timeout=SECONDS)
            self.assertTrue(next(tail).HasField("started"))
            server.send(number)
            messages = []
            with self.assertRaises(grpc.RpcError) as ended:
                messages.extend(m.WhichOneof("message") for m in tail)
            self.assertEqual(ended.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(reason(ended.exception), "SERVER_DRAINING")
            self.assertEqual(server.wait(), 0)

    def test_sigterm_drains(self) -> None:
        self.check_drain(signal.SIGTERM)

    def test_sigint_drains(self) -> None:
        self.check_drain(signal.SIGINT)

    def test_idle_connections_do_not_hold_the_drain_up(self) -> None:
        with Server("--embedded_kafka") as server:
            server.wait_for_health(SERVING)  # Its connection stays, and nobody reads from it.
            server.send(signal.SIGTERM)
            self.assertEqual(server.wait(4), 0)

    def test_a_second_signal_ends_it_at_once(self) -> None:
        """While a subscriber that does not read holds the drain up."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name), Server("--embedded_kafka") as server:
                server.wait_for_health(SERVING)
                stalled = stall(self, server)
                server.send(signal.SIGTERM)
                server.log.wait_for("msg=draining")
                server.send(number)
                self.assertEqual(server.wait(3), 128 + number)
                stalled.cancel()

    def test_a_subscriber_that_does_not_read_is_cut_off(self) -> None:
        with Server("--embedded_kafka", "--drain_timeout=20s") as server:
            server.wait_for_health(SERVING)
            stalled = stall(self, server)
            server.send(signal.SIGTERM)
            self.assertEqual(server.wait(15), 0)
            stalled.cancel()


def stall(test: unittest.TestCase, server: Server) -> grpc.Call:
    """A subscriber that has read Started and no more, with 12 MB of events waiting for it."""
    stalled = server.stub.Subscribe(requests.documents(EARLIEST), timeout=4 * SECONDS)
    test.assertTrue(next(stalled).HasField("started"))
    for _ in range(30):
        server.stub.Publish(requests.uploaded(filename="x" * 400_000), timeout=SECONDS)
    return stalled


if __name__ == "__main__":
    unittest.main()
