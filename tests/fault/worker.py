"""A process of clients. Its plan is its first argument; then it obeys lines of JSON on its standard
input, and answers on its standard output. It ends when its input does.

    {"do": "vanish" | "reconnect", "to": NAME}               the client goes on with a new stream
    {"do": "leave" | "leave_at_once", "to": NAME}            and is gone; at once: by its connection
    {"do": "stall", "to": NAME, "seconds": N}
    {"do": "join", "actor": {...}}                           one client more, as in the plan
    {"do": "quiet"}                                          publishers stop, and nobody is slow
    {"do": "ask", "id": N}                        -> {"id", "publishing", "written", "next"}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.fault import publisher
from tests.fault.history import History
from tests.fault.member import Habits, Member
from tests.fault.publisher import Publisher
from tests.fault.reader import Reader
from tests.fault.tail import Tail

Plan = dict[str, Any]
_FINISH_SECONDS = 20.0


class Worker:
    def __init__(self, plan: Plan) -> None:
        self._history = History(Path(plan["history"]))
        self._servers: list[str] = plan["servers"]
        self._seed: int = plan["seed"]
        self._publishers: list[Publisher] = []
        self._readers: list[Reader] = []
        for actor in plan["actors"]:
            self.add(actor)

    def add(self, actor: Plan) -> None:
        kind = actor["kind"]
        if kind == "publisher":
            made: Publisher | Reader = Publisher(
                actor["name"], self._history, self._servers, actor["keys"], actor["first"],
                actor["step"], actor["rate"], actor["batch"], self._seed)
            self._publishers.append(made)
        elif kind == "member":
            made = Member(actor["name"], actor["group"], self._history, self._servers, self._seed,
                          Habits(**actor["habits"]))
            self._readers.append(made)
        else:
            made = Tail(actor["name"], self._history, self._servers, self._seed)
            self._readers.append(made)
        made.start()

    def obey(self, command: Plan) -> Plan | None:
        what = command["do"]
        if what == "join":
            self.add(command["actor"])
        elif what == "quiet":
            for one in self._publishers:
                one.stop()
            for reader in self._readers:
                if isinstance(reader, Member):
                    reader.habits.slow = 0.0
        elif what == "ask":
            return {"id": command["id"], "publishing": any(p.is_alive() for p in self._publishers),
                    "written": publisher.written(self._publishers),
                    "next": {r.name: r.positions() for r in self._readers if isinstance(r, Tail)}}
        elif what == "stall":
            for reader in self._named(command["to"]):
                reader.stall(command["seconds"])
        else:
            for reader in self._named(command["to"]):
                getattr(reader, what)()
        return None

    def finish(self) -> None:
        for one in self._publishers:
            one.stop()
        for reader in self._readers:
            reader.leave()
        for thread in (*self._publishers, *self._readers):
            thread.join(_FINISH_SECONDS)

    def _named(self, name: str) -> list[Reader]:
        return [reader for reader in self._readers if reader.name.split(".")[0] == name]


def main() -> None:
    worker = Worker(json.loads(sys.argv[1]))
    for line in sys.stdin:
        if (answer := worker.obey(json.loads(line))) is not None:
            print(json.dumps(answer), flush=True)
    worker.finish()


if __name__ == "__main__":
    main()
