#pragma once

#include "server/bus/dead_letters.h"
#include "server/kafka/record.h"

namespace eventbus::bus {

// The record of `letter` for the topic `topic`, as docs/wire-format.md describes it: its key, value
// and headers as they were, null where they were null, then
// `eventbus-dlq-{topic,partition,offset,timestamp,group,attempts,reason}`, in its own partition.
kafka::OutgoingRecord MakeDeadLetterRecord(const DeadLetter& letter, std::string topic);

}  // namespace eventbus::bus
