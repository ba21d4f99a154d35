"""What the Python tests share. Imported from the root of the project, as tests.support.

Each module has one subject:

    environment   where things are, as ctest says
    patience      how long a test waits, and for what
    stubs         the generated classes of proto/
    requests      requests that many tests make
    samples       a full event of each documented type; golden: the vectors of tests/golden
    server        a server process and its clients; log: what it writes
    examples      the programs of client/examples
    errors        the details of a failed call
    tails         an open stream, read message by message
    groups        members of consumer groups, of both kinds
    broker        the real Kafka beside the test; legacy: its clients that speak no gRPC

tests/kafka may not be on the path: its kafka.py would hide kafka-python.
"""
