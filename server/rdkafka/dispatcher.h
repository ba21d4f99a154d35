#pragma once

#include <librdkafka/rdkafka.h>

#include "server/kafka/consumer.h"
#include "server/rdkafka/fetch_waker.h"

namespace eventbus::rdkafka {

// Hands librdkafka's messages of partitions to ConsumerEvents. One thread at a time.
class Dispatcher {
 public:
  // `client` gives errors that heal by waiting, which are only logged, their name.
  explicit Dispatcher(rd_kafka_t* client) : client_(client), waker_(client) {}

  // A record, the end of a partition, or an error of one.
  void Dispatch(const rd_kafka_message_t& message, kafka::ConsumerEvents& events);
  // There is no message.
  void OnEmpty() { waker_.OnEmpty(); }

 private:
  void DispatchRecord(const rd_kafka_message_t& message, kafka::ConsumerEvents& events);
  void DispatchError(const rd_kafka_message_t& message, kafka::ConsumerEvents& events);

  const rd_kafka_t* const client_;
  FetchWaker waker_;
  // Reused for each record.
  kafka::RecordView view_;
};

// The error of a consumer that librdkafka declared dead, with its words.
absl::Status DeadConsumerError(absl::string_view said);

// Of an error that does not come as a partition's message librdkafka says the partition only in the
// text: "events [0]: topic does not exist". Empty where there is none.
absl::string_view TopicIn(absl::string_view text);

}  // namespace eventbus::rdkafka
