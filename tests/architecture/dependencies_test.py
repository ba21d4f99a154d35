#!/usr/bin/env python3
"""Proves that dependencies.py catches each kind of violation and lets the rest pass."""

import unittest

from dependencies import violations

REFUSED = [
    # Upwards, sideways, and out of the server.
    ("server/base/clock.h", "server/event/catalog.h", "base may include no other folder"),
    ("server/event/catalog.cc", "server/wire/plan.h", "event may include base"),
    ("server/wire/plan.cc", "server/kafka/record.h", "wire may include base, event"),
    ("server/kafka/record.h", "server/event/catalog.h", "kafka may include base"),
    ("server/bus/publisher.cc", "server/rpc/status.h", "bus may include"),
    ("server/bus/publisher.cc", "server/rdkafka/producer.h", "bus may include"),
    ("server/rpc/publish.cc", "server/app/options.h", "rpc may include"),
    ("server/rpc/publish.cc", "server/rdkafka/producer.h", "rpc may include"),
    ("server/rdkafka/producer.cc", "server/bus/publisher.h", "rdkafka may include base, kafka"),
    ("server/new/thing.cc", "server/base/clock.h", "new may include no other folder"),
    ("server/app/server.cc", "client/src/client.h", "does not know client"),
    ("server/main.cc", "librdkafka/rdkafka.h", "only rdkafka knows"),
    ("client/src/client.cc", "server/base/clock.h", "by its stubs alone"),
    # Tests.
    ("server/bus/publisher.cc", "tests/fakes/fake_producer.h", "only tests include"),
    ("client/src/client.cc", "tests/fakes/fake_producer.h", "only tests include"),
    ("tests/reference/decode.cc", "server/wire/plan.h", "must share nothing"),
    # Libraries.
    ("server/bus/publisher.cc", "grpcpp/grpcpp.h", "only rpc and app know gRPC"),
    ("server/wire/envelope.cc", "grpc/slice.h", "only rpc and app know gRPC"),
    ("server/rdkafka/log.cc", "grpc++/grpc++.h", "only rpc and app know gRPC"),
    ("server/bus/tail.cc", "eventbus/v1/event_bus_service.grpc.pb.h", "know gRPC"),
    ("server/bus/tail.cc", "librdkafka/rdkafka.h", "only rdkafka knows"),
    ("server/app/server.cc", "librdkafka/rdkafkacpp.h", "only rdkafka knows"),
    ("server/app/server.cc", "rdkafka.h", "only rdkafka knows"),
    ("client/src/client.cc", "librdkafka/rdkafka.h", "does not know Kafka"),
    ("server/wire/encode.cc", "eventbus/events/v1/event.pb.h", "read from descriptors"),
]

ALLOWED = [
    ("server/main.cc", "server/app/server.h"),
    ("server/main.cc", "eventbus/events/v1/event.pb.h"),
    ("server/app/server.cc", "server/rdkafka/producer.h"),
    ("server/app/server.cc", "server/rpc/service.h"),
    ("server/rpc/publish.cc", "server/base/error.h"),
    ("server/rpc/publish.cc", "grpcpp/server.h"),
    ("server/rpc/publish.cc", "eventbus/v1/event_bus_service.grpc.pb.h"),
    ("server/rpc/publish.h", "server/rpc/status.h"),
    ("server/bus/publisher.cc", "server/wire/encode.h"),
    ("server/base/error.cc", "eventbus/v1/errors.pb.h"),
    ("server/wire/plan.h", "server/event/catalog.h"),
    ("server/rdkafka/producer.cc", "librdkafka/rdkafka.h"),
    ("client/examples/cpp/tour.cc", "eventbus/v1/event_bus_service.grpc.pb.h"),
    ("client/examples/cpp/tour.cc", "grpcpp/grpcpp.h"),
    ("tests/unit/bus/tail_test.cc", "tests/fakes/fake_consumer.h"),
    ("tests/integration/kafka.cc", "librdkafka/rdkafka.h"),
]


class IncludeTest(unittest.TestCase):
    def test_what_points_up_or_out_is_refused_with_the_reason(self) -> None:
        for path, header, why in REFUSED:
            for line in (f'#include "{header}"', f"#  include <{header}>  // why not"):
                with self.subTest(path=path, line=line):
                    found = violations(path, f"#pragma once\n\n{line}\n")
                    self.assertEqual([v.line for v in found], [3])
                    self.assertIn(header, str(found[0]))
                    self.assertIn(why, str(found[0]))

    def test_what_points_down_passes(self) -> None:
        for path, header in ALLOWED:
            with self.subTest(path=path, header=header):
                self.assertEqual(violations(path, f'#include "{header}"\n'), [])

    def test_every_violation_of_a_file_is_reported(self) -> None:
        text = '#include "server/bus/a.h"\n#include <vector>\n#include "tests/b.h"\n'
        self.assertEqual([v.line for v in violations("server/base/clock.h", text)], [1, 3])

    def test_an_include_in_a_comment_is_none(self) -> None:
        self.assertEqual(violations("server/base/clock.h", '// #include "server/bus/a.h"\n'), [])


class StringViewTest(unittest.TestCase):
    CODE = "void F(std::string_view text);\n"

    def test_std_is_refused_in_the_server_and_the_client(self) -> None:
        for path in ("server/event/catalog.h", "server/wire/plan.h", "client/src/client.h"):
            with self.subTest(path=path):
                found = violations(path, "\n" + self.CODE)
                self.assertEqual([str(v) for v in found],
                                 [f"{path}:2: std::string_view: use absl::string_view"])

    def test_std_is_refused_however_it_is_written(self) -> None:
        for code in ("using std::string_view;", "std :: string_view x;",
                     "std::basic_string_view<char> x;", 'F("a", std::string_view("b"));'):
            with self.subTest(code=code):
                self.assertEqual(len(violations("server/bus/tail.h", code)), 1)

    def test_comments_and_literals_are_not_code(self) -> None:
        for text in ("// std::string_view", "/* a\n std::string_view */",
                     'x = "std::string_view";', r'x = "\"std::string_view";',
                     'x = R"(std::string_view)";', 'x = R"a(")std::string_view)a";'):
            with self.subTest(text=text):
                self.assertEqual(violations("server/bus/tail.h", text), [])

    def test_it_passes_where_the_two_types_meet(self) -> None:
        reader = '#include "simdjson.h"\n' + self.CODE
        self.assertEqual(violations("server/wire/decode.cc", reader), [])
        self.assertEqual(len(violations("server/bus/tail.cc", reader)), 1)


if __name__ == "__main__":
    unittest.main()
