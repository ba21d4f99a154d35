#include "server/rdkafka/dispatcher.h"

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/log.h"

namespace eventbus::rdkafka {
namespace {

absl::string_view ToView(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

absl::optional<absl::string_view> ToOptionalView(const void* data, std::size_t size) {
  if (data == nullptr) return absl::nullopt;
  return ToView(data, size);
}

void ReadHeaders(const rd_kafka_message_t& message, std::vector<kafka::HeaderView>& out) {
  out.clear();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    out.push_back({name, ToOptionalView(value, size)});
  }
}

kafka::TopicPartition PartitionOf(const rd_kafka_message_t& message) {
  return {message.rkt == nullptr ? "" : rd_kafka_topic_name(message.rkt), message.partition};
}

}  // namespace

void Dispatcher::Dispatch(const rd_kafka_message_t& message, kafka::ConsumerEvents& events) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return DispatchRecord(message, events);
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    return events.OnPartitionEnd(PartitionOf(message), message.offset);
  }
  DispatchError(message, events);
}

void Dispatcher::DispatchRecord(const rd_kafka_message_t& message, kafka::ConsumerEvents& events) {
  waker_.OnRecord(message);
  view_.topic = rd_kafka_topic_name(message.rkt);
  view_.partition = message.partition;
  view_.offset = message.offset;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  view_.timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp;
  view_.key = ToOptionalView(message.key, message.key_len);
  view_.value = ToOptionalView(message.payload, message.len);
  ReadHeaders(message, view_.headers);
  events.OnRecord(view_);
}

void Dispatcher::DispatchError(const rd_kafka_message_t& message, kafka::ConsumerEvents& events) {
  const kafka::TopicPartition partition = PartitionOf(message);
  const char* said = rd_kafka_message_errstr(&message);
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) return events.OnError(DeadConsumerError(said));
  switch (Classify(message.err)) {
    case ErrorClass::kPositionLost:
      return events.OnPositionLost(partition);
    case ErrorClass::kUnknownTopic:
    case ErrorClass::kDenied:
    case ErrorClass::kPermanent:
      return events.OnError(CallError(
          message.err, Access::kSubscribe, partition.topic,
          absl::StrCat("reading ", partition.topic, " partition ", partition.partition), said));
    default:
      LogLine(client_, 4, rd_kafka_err2name(message.err), said);
  }
}

absl::Status DeadConsumerError(absl::string_view said) {
  return MakeError(v1::ERROR_REASON_INTERNAL, absl::StrCat("the Kafka consumer is dead: ", said));
}

absl::string_view TopicIn(absl::string_view text) {
  const std::size_t end = text.find(" [");
  return end == absl::string_view::npos ? absl::string_view() : text.substr(0, end);
}

}  // namespace eventbus::rdkafka
