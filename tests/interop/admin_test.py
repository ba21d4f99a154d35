"""What a group is doing, from a terminal: grpcurl on GetGroup, beside Kafka's own word for it."""

from __future__ import annotations

import json
import subprocess
import unittest

from tests.support import groups
from tests.support.environment import GRPCURL
from tests.support.groups import TOPIC, Stream, wait_for_all
from tests.support.patience import PROGRAM_SECONDS, wait_until
from tests.support.server import ADMIN_SERVICE, serving
from tests.support.stubs import v1

PARTITION = 1


class AdminTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())

    def grpcurl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([GRPCURL, "-plaintext", *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=PROGRAM_SECONDS, check=False)

    def test_reflection_lists_it(self) -> None:
        self.assertIn(ADMIN_SERVICE,
                      self.grpcurl(self.server.address, "list").stdout.split())
        self.assertIn("rpc GetGroup ( .eventbus.v1.GetGroupRequest ) returns "
                      "( .eventbus.v1.GetGroupResponse );",
                      self.grpcurl(self.server.address, "describe", ADMIN_SERVICE).stdout)

    def get_group(self, group: str) -> dict:
        done = self.grpcurl("-d", json.dumps({"group": group}), self.server.address,
                            f"{ADMIN_SERVICE}/GetGroup")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_at_three_in_the_morning(self) -> None:
        group = groups.new_group()
        of = groups.request(group, v1.ACK_MODE_EXPLICIT, event_types=[f"{group}.*"],
                            client_id="night-shift")
        with Stream(self.server.stub, of) as stream:
            stream.started()
            ids = groups.write(2, event_type=f"{group}.written", partition=PARTITION)
            wait_for_all(ids, stream)
            answer = wait_until(
                lambda: (found := self.get_group(group))["state"] == "Stable" and found, "stable")
            member, = answer["members"]
            self.assertTrue(member["client_id"].endswith("/night-shift"), member)
            place, = [place for place in answer["partitions"]
                      if (place["topic"], place.get("partition", 0)) == (TOPIC, PARTITION)]
            self.assertEqual(place["held"]["client_id"], "night-shift")
            self.assertEqual(place["held"]["blocked"], "BLOCKED_REASON_UNSETTLED")
            self.assertEqual(place["held"]["blocking_event"]["event_id"], ids[0])
            # As kafka-python sees it.
            self.assertEqual(int(place.get("committed_offset", 0)),
                             groups.committed(group)[PARTITION])

    def test_an_unknown_group_is_explained(self) -> None:
        done = self.grpcurl("-d", json.dumps({"group": groups.new_group()}), self.server.address,
                            f"{ADMIN_SERVICE}/GetGroup")
        self.assertIn("Code: NotFound", done.stderr)
        self.assertIn('"reason":"GROUP_NOT_FOUND"', done.stderr.replace(" ", ""))


if __name__ == "__main__":
    unittest.main()
