"""The event bus under real faults, in the manner of Jepsen: clients record what they see, a nemesis
breaks things from a seed, and a judge holds the record against the guarantees.

    history       what is recorded, a line of JSON each; ids: numbered events
    worker        a process of clients: publisher, member, tail
    servers       the servers, which can be killed, frozen and started again; brokers: the cluster
    proxy, links  what lies between servers and Kafka, and can be cut, slowed and silenced
    nemesis       which fault when, from a seed (pure); faults: how each begins and ends
    watcher       reads what groups have committed
    view, windows, causes, checks, judge    the verdict on a history (pure)
    report, timeline                        its figures and its picture
    chaos, soak                             what ./dev runs

README.md says how to run it, and what it has found.
"""
