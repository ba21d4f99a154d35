"""Faults in the log: records that are no events, events that kill, retention that takes."""

from __future__ import annotations

import random

import grpc
from kafka.admin import ConfigResource, ConfigResourceType

from tests.fault import brokers, ids
from tests.fault.history import History
from tests.support import legacy
from tests.support.errors import reason
from tests.support.patience import SECONDS
from tests.support.stubs import EventBusServiceStub
from tests.support.server import connect

_POISON = (b"not JSON", b"", b"{\"event_id\":", b"[1]", None)
# So that retention has something to take within seconds.
_SHORT = {"retention.ms": "2000", "segment.ms": "1000"}
_RETRIES = 20


def poison(history: History, pick: float) -> None:
    """Records as no producer of events should write them, on partitions that `pick` says."""
    chosen = random.Random(pick)
    with legacy.producer(retries=_RETRIES) as producer:
        sent = []
        for value in _POISON:
            topic, _, number = chosen.choice(ids.PARTITIONS).rpartition("/")
            # A value of kafka-python's that is neither null nor has a key.
            sent.append(producer.send(topic, value=value, partition=int(number),
                                      key=b"poison" if value is None else None))
        done = [future.get(timeout=SECONDS) for future in sent]
    history.write("poison", e=[[f"{at.topic}/{at.partition}", at.offset] for at in done])


def publish_killer(run, pick: float) -> None:
    """By whichever server takes it; the event is new each time, for a try may have written it."""
    for _ in range(_RETRIES):
        number, key = next(run.killers), int(pick * run.settings.keys)
        run.history.write("send", by="nemesis", srv=0, e=[[number, key, ids.topic(key)]])
        for address in run.fleet.addresses:
            with connect(address) as channel:
                try:
                    answer = EventBusServiceStub(channel).Publish(ids.request(number, key),
                                                                  timeout=10)
                except grpc.RpcError as error:
                    if reason(error) not in ("KAFKA_UNAVAILABLE", "SERVER_DRAINING"):
                        break  # It may be written.
                    continue
            run.history.write("sent", by="nemesis",
                              e=[[number, "ok", answer.partition, answer.offset]])
            return


def shorten_retention(topic: str) -> None:
    _configure(topic, _SHORT)


def restore_retention(topic: str) -> None:
    _configure(topic, {"retention.ms": "604800000", "segment.ms": "604800000"})


def _configure(topic: str, configs: dict[str, str]) -> None:
    of = ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)
    brokers.patiently(lambda admin: admin.alter_configs([of]), f"{topic} is configured")
