"""Topics of one copy each, and a broker that is away: what it leads has no leader then."""

from __future__ import annotations

import unittest

from tests.fault import brokers
from tests.support import groups
from tests.support.groups import PARTITIONS, TOPIC, Stream
from tests.support.patience import PROGRAM_SECONDS, wait_until
from tests.support.server import Server, serving
from tests.support.stubs import admin, v1


def leaders() -> dict[int, int]:
    return {number: brokers.leader(TOPIC, number) for number in PARTITIONS}


class LeaderlessTest(unittest.TestCase):
    def test_the_others_are_read_and_the_group_goes_on(self) -> None:
        server = self.enterContext(serving())
        group = groups.new_group()
        with self.member(server, group) as first:
            first.started()  # The group has an offset for each partition.
        node = leaders()[0]
        away = {number for number, leader in leaders().items() if leader == node}
        self.assertNotEqual(away, PARTITIONS)
        brokers.stop(node, "KILL")
        wait_until(lambda: all(leaders()[number] == 0 for number in away), "they have no leader",
                   PROGRAM_SECONDS)

        stream = self.enterContext(self.member(server, group))
        stream.started()
        self.assertEqual(stream.assigned(), PARTITIONS - away)
        other = self.enterContext(self.member(server, group))
        self.wait_for(PARTITIONS - away, stream, other)
        self.assertEqual(self.waited_for(server, group), away)
        brokers.start(node)
        self.wait_for(PARTITIONS, stream, other)

    def member(self, server: Server, group: str) -> Stream:
        return Stream(server.stub, groups.request(group, v1.ACK_MODE_EXPLICIT))

    def waited_for(self, server: Server, group: str) -> set[int]:
        """As `GetGroup` says: whose they are, and that Kafka does not say where to begin."""
        answer = server.admin.GetGroup(admin.GetGroupRequest(group=group), timeout=PROGRAM_SECONDS)
        return {each.partition for each in answer.partitions
                if each.held.blocked == v1.BLOCKED_REASON_KAFKA_UNAVAILABLE}

    def wait_for(self, partitions: set[int] | frozenset[int], *streams: Stream) -> None:
        def shared() -> bool:
            for stream in streams:
                self.assertIsNone(stream.error)
            held = [stream.assigned() for stream in streams]
            return set.union(*held) == partitions and sum(map(len, held)) == len(partitions)

        wait_until(shared, f"the streams share {partitions}", PROGRAM_SECONDS)


if __name__ == "__main__":
    unittest.main()
