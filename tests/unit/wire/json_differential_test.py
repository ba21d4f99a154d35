"""The codec against Python's json: encode(decode(x)) is x, but for the normal forms.

Makes documents of the five topics, with values that fit their fields and values that do not, in
every spelling that JSON allows; sends them through the program named on the command line; and
compares what comes back with what json.loads makes of the document. Needs no package.
"""

import argparse
import json
import random
import re
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal

STRING, INT64, DOUBLE, BOOL, TIME, TYPE, OBJECT, ARRAY = range(8)

HEAD = {"event_id": STRING, "event_type": TYPE, "timestamp": TIME}
TOPICS = {
    "document-events": (
        {**HEAD, "document_id": STRING, "classroom_id": STRING, "user_id": STRING},
        {"filename": STRING, "file_size": INT64, "status": STRING},
    ),
    "meeting-events": (
        {**HEAD, "meeting_id": STRING},
        {"participant_id": STRING, "participant_name": STRING},
    ),
    "tutor-queries": (
        {**HEAD, "session_id": STRING, "user_id": STRING},
        {"question": STRING, "answer_latency_ms": INT64, "sources_count": INT64,
         "related_to_previous": BOOL},
    ),
    "assessment-events": (
        {**HEAD, "exam_session_id": STRING, "user_id": STRING},
        {"exam_id": STRING, "score": DOUBLE, "violations": ARRAY},
    ),
    "analytics-events": (
        {**HEAD, "user_id": STRING},
        {"page": STRING, "duration_ms": INT64, "metadata": OBJECT},
    ),
}
ALWAYS = {"violations": [], "metadata": {}}
TYPES = ["document.uploaded", "participant.left", "query.error", "exam.graded", "page.view",
         "document.archived", ""]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
TIMESTAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
                       r"(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))?\Z")


class Documents:
    """Makes documents as JSON texts of one line."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def document(self, topic):
        head, payload = TOPICS[topic]
        members = self.members(head)
        if self.random.random() < 0.9:
            inner = self.object_of(self.members(payload))
            members.append((self.string("payload"), inner))
        if self.random.random() < 0.05:
            members.append((self.string("payload"), self.any_value(2)))
        self.random.shuffle(members)
        return self.object_of(members)

    def members(self, fields):
        members = []
        for name, kind in fields.items():
            for _ in range(self.random.choice([0, 1, 1, 1, 1, 1, 1, 2])):
                members.append((self.string(name), self.value_for(kind)))
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            name = self.random.choice(["tenant", "extra_json", "x", "userId", "", self.text()])
            members.append((self.string(name), self.any_value(3)))
        return members

    def value_for(self, kind):
        if self.random.random() < 0.2:
            return self.any_value(3)
        if kind == STRING:
            return self.string(self.text())
        if kind in (INT64, DOUBLE):
            number = self.number()
            return self.string(number) if self.random.random() < 0.2 else number
        if kind == BOOL:
            return self.random.choice(["true", "false"])
        if kind == TIME:
            return self.string(self.time())
        if kind == TYPE:
            return self.string(self.random.choice(TYPES))
        if kind == OBJECT:
            return self.object_of(
                [(self.string(self.text()), self.any_value(3)) for _ in range(self.count())])
        return self.array_of([self.any_value(3) for _ in range(self.count())])

    def any_value(self, depth):
        kind = self.random.randrange(8 if depth > 0 else 5)
        if kind == 0:
            return "null"
        if kind == 1:
            return self.random.choice(["true", "false"])
        if kind == 2:
            return self.number()
        if kind in (3, 4):
            return self.string(self.random.choice([self.text(), self.number(), self.time()]))
        if kind == 5:
            return self.array_of([self.any_value(depth - 1) for _ in range(self.count())])
        return self.object_of(
            [(self.string(self.text()), self.any_value(depth - 1)) for _ in range(self.count())])

    def count(self):
        return self.random.choice([0, 1, 1, 2, 3])

    def number(self):
        choice = self.random.randrange(6)
        if choice == 0:
            return self.random.choice(
                ["0", "-0", "-0.0", "0e9", "9223372036854775807", "9223372036854775808",
                 "-9223372036854775808", "9007199254740993", "12345678901234567890", "1e400",
                 "5e-324", "1e-400", "0.1", "5e3", "1E+2", "1.0", "100000000000000000000e-20"])
        if choice == 1:
            return str(self.random.randrange(-10**6, 10**6))
        if choice == 2:
            return repr(self.random.uniform(-1e6, 1e6))
        if choice == 3:
            return repr(self.random.uniform(-1, 1) * 10.0 ** self.random.randrange(-300, 300))
        if choice == 4:
            digits = self.random.randrange(1, 25)
            return str(self.random.randrange(10**digits)) + self.random.choice(["", ".0", "e2"])
        return f"{self.random.randrange(100)}.{self.random.randrange(10**6)}"

    def time(self):
        moment = datetime(2024, 1, 1) + timedelta(seconds=self.random.randrange(-10**9, 10**9))
        text = moment.strftime("%Y-%m-%d") + self.random.choice("T t") + moment.strftime("%H:%M:%S")
        if self.random.random() < 0.5:
            text += "." + str(self.random.randrange(10**self.random.randrange(1, 12)))
        return text + self.random.choice(["Z", "z", "", "+05:30", "-23:59", "+24:00", "+0530"])

    def text(self):
        letters = "ab_c\"\\/\b\n\x00\x1f é☃😀\ud800\udc00\x7f\u2028"
        if self.random.random() < 0.8:
            letters = letters.replace("\ud800", "").replace("\udc00", "")
        return "".join(self.random.choice(letters) for _ in range(self.random.randrange(6)))

    def string(self, text):
        out = []
        escape_all = self.random.random() < 0.1
        for character in text:
            code = ord(character)
            if code < 0x20 or character in "\"\\" or 0xD800 <= code < 0xE000 or escape_all:
                out.append(json.dumps(character)[1:-1] if self.random.random() < 0.5 or code > 0xFFFF
                           else f"\\u{code:04x}")
            elif self.random.random() < 0.03:
                out.append(json.dumps(character)[1:-1])
            else:
                out.append(character)
        return '"' + "".join(out) + '"'

    def space(self):
        return self.random.choice(["", "", "", " ", "  ", "\t"])

    def object_of(self, members):
        inner = ",".join(f"{self.space()}{name}{self.space()}:{self.space()}{value}{self.space()}"
                         for name, value in members)
        return "{" + (inner or self.space()) + "}"

    def array_of(self, items):
        return "[" + ",".join(f"{self.space()}{item}{self.space()}" for item in items) + "]"


def fits_int64(text):
    number = Decimal(text)
    return (number == number.to_integral_value() if abs(number) < 10**20 else False) and (
        -(2**63) <= number < 2**63 and not (number == 0 and number.is_signed()))


def fits_double(text):
    number = Decimal(text)
    # repr() is the shortest text that reads as the same double.
    return abs(number) < Decimal("1.8e308") and Decimal(repr(float(text))) == number


def normal_time(text):
    match = TIMESTAMP.match(text)
    if not match:
        return text
    date, time, fraction, sign, hours, minutes = match.groups()
    fraction = fraction or ""
    try:
        moment = datetime.fromisoformat(f"{date}T{time}")
    except ValueError:
        return text
    if fraction[9:].strip("0") or int(hours or 0) > 23 or int(minutes or 0) > 59:
        return text
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    moment += offset if sign == "-" else -offset
    return ("time", moment.isoformat(), fraction[:9].ljust(9, "0"))


def normal(value):
    """A value of no known field: numbers by their exact decimals, the sign of zero with them."""
    if isinstance(value, Decimal):
        return ("number", str(value.normalize()) if value else str(value.is_signed()))
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, dict):
        return {name: normal(item) for name, item in value.items()}
    return value


def normal_field(kind, value):
    numeric = {INT64: fits_int64, DOUBLE: fits_double}.get(kind)
    if numeric and isinstance(value, str) and NUMBER.match(value) and numeric(value):
        return normal(Decimal(value))
    if kind == TIME and isinstance(value, str):
        return normal_time(value)
    return normal(value)


def normal_event(topic, event):
    head, payload = TOPICS[topic]
    out = {name: normal_field(head.get(name), value) for name, value in event.items()}
    inner = event.get("payload", {})
    if isinstance(inner, dict):
        inner = {name: normal_field(payload.get(name), value) for name, value in inner.items()}
        for name in payload.keys() & ALWAYS.keys():
            inner.setdefault(name, ALWAYS[name])
        out["payload"] = inner
    return out


def loads(text):
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5000)
    options = parser.parse_args()
    documents = Documents(options.seed)
    names = list(TOPICS)
    made = [(names[i % len(names)], documents.document(names[i % len(names)]))
            for i in range(options.count)]
    lines = "".join(f"{topic} {text}\n" for topic, text in made)
    run = subprocess.run([options.program], input=lines.encode(), stdout=subprocess.PIPE,
                         check=True)
    answers = run.stdout.decode().split("\n")
    if len(answers) != len(made) + 1:
        sys.exit(f"{len(made)} documents, {len(answers) - 1} answers")
    wrong = 0
    for (topic, text), answer in zip(made, answers):
        same = not answer.startswith("!") and (
            normal_event(topic, loads(answer)) == normal_event(topic, loads(text)))
        if not same:
            wrong += 1
            if wrong <= 5:
                print(f"{topic}\n  in:  {text!r}\n  out: {answer!r}")
    print(f"{len(made)} documents, {wrong} came back as others (seed {options.seed})")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
