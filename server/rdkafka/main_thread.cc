#include "server/rdkafka/main_thread.h"

#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

void AwaitMainThread(rd_kafka_t* consumer) {
  // The answer does not matter.
  rd_kafka_topic_partition_list_t* unused = nullptr;
  rd_kafka_assignment(consumer, &unused);
  const PartitionsHolder holder(unused);
}

}  // namespace eventbus::rdkafka
