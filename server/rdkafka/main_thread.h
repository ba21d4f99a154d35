#pragma once

#include <librdkafka/rdkafka.h>

namespace eventbus::rdkafka {

// Waits until librdkafka's main thread has done what `consumer` was told before. That thread goes
// by turns: a partition that rd_kafka_assign takes away has stopped, and lost its forward, once it
// has answered a question that was asked after. Takes no longer than another rd_kafka_assign.
void AwaitMainThread(rd_kafka_t* consumer);

}  // namespace eventbus::rdkafka
