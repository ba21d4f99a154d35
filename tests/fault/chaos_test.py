"""A short run of all faults together; the long one is ./dev chaos."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path

from tests.fault import chaos
from tests.support.environment import BUILD

SEED = int(os.environ.get("EVENTBUS_CHAOS_SEED", "20"))


class ChaosTest(unittest.TestCase):
    def test_all_faults_together(self) -> None:
        """What fails is kept, and says how to do it again."""
        out = Path(tempfile.mkdtemp(prefix="chaos-", dir=BUILD))
        options = chaos.options(["--minutes", "0.6", "--seed", str(SEED), "--rate", "250",
                                 "--out", str(out)])
        result, = chaos.run_all(options)
        self.assertEqual(result.wrong, [])
        # It did something: faults of all resources, and events that came in spite of them.
        self.assertGreaterEqual(result.faults, 6)
        self.assertGreater(result.written, 1500)


if __name__ == "__main__":
    unittest.main()
