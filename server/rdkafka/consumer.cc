#include "server/rdkafka/consumer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/embedded.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/log.h"
#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {
namespace {

constexpr absl::Duration kLookUpRetryDelay = absl::Milliseconds(100);

void CallOnReady(rd_kafka_t* /*client*/, void* on_ready) {
  (*static_cast<absl::AnyInvocable<void()>*>(on_ready))();
}

// Of an error that does not come as a partition's message librdkafka says the partition only in the
// text: "events [0]: topic does not exist".
absl::string_view TopicIn(absl::string_view text) {
  const std::size_t end = text.find(" [");
  return end == absl::string_view::npos ? absl::string_view() : text.substr(0, end);
}

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

// Milliseconds left, at least one.
int Remaining(absl::Time deadline) {
  const std::int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
  return static_cast<int>(std::clamp<std::int64_t>(left, 1, 1 << 30));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Consumer>> Consumer::Make(const ClientConfig& config,
                                                         const std::string& client_id,
                                                         absl::AnyInvocable<void()> on_ready,
                                                         std::shared_ptr<Reaper> reaper) {
  absl::StatusOr<ConfHolder> conf = MakeConsumerConf(config, client_id);
  if (!conf.ok()) return conf.status();
  auto errors = std::make_unique<std::vector<absl::Status>>();
  rd_kafka_conf_set_opaque(conf->get(), errors.get());
  rd_kafka_conf_set_error_cb(conf->get(), KeepError);
  absl::StatusOr<ClientHolder> client = MakeClient(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!client.ok()) return client.status();
  rd_kafka_poll_set_consumer(client->get());
  return std::unique_ptr<Consumer>(new Consumer(*std::move(client), std::move(errors),
                                                std::move(on_ready), config.embedded,
                                                std::move(reaper)));
}

Consumer::Consumer(ClientHolder client, std::unique_ptr<std::vector<absl::Status>> errors,
                   absl::AnyInvocable<void()> on_ready, const EmbeddedKafka* embedded,
                   std::shared_ptr<Reaper> reaper)
    : errors_(std::move(errors)),
      client_(std::move(client)),
      queue_(rd_kafka_queue_get_consumer(client_.get())),
      on_ready_(std::move(on_ready)),
      embedded_(embedded),
      reaper_(std::move(reaper)) {
  // librdkafka calls when the queue is no longer empty, under the queue's lock. Poll goes on until
  // it is empty, so no wake-up is lost.
  rd_kafka_queue_cb_event_enable(queue_.get(), CallOnReady, &on_ready_);
}

Consumer::~Consumer() {
  // Takes the queue's lock: no call is under way after it.
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  queue_.reset();
  reaper_->Destroy(std::move(client_));
}

absl::Status Consumer::Assign(const std::vector<kafka::StartOffset>& positions) {
  for (const kafka::StartOffset& each : positions) {
    if (const absl::Status status = CheckTopic(each.partition); !status.ok()) return status;
  }
  const PartitionsHolder list = ToStartList(positions);
  return CallError(rd_kafka_assign(client_.get(), list.get()), Access::kSubscribe, "",
                   "assigning partitions");
}

absl::Status Consumer::CheckTopic(const kafka::TopicPartition& partition) const {
  if (embedded_ == nullptr || embedded_->HasTopic(partition.topic)) return absl::OkStatus();
  return CallError(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, Access::kSubscribe, partition.topic,
                   absl::StrCat("reading ", partition.topic));
}

int Consumer::Poll(int max, kafka::ConsumerEvents& events) {
  int found = 0;
  while (found < max) {
    const MessageHolder message(rd_kafka_consumer_poll(client_.get(), 0));
    found += ReportErrors(events);
    if (message == nullptr) break;
    Dispatch(*message, events);
    ++found;
  }
  return found;
}

void Consumer::KeepError(rd_kafka_t* client, int code, const char* text, void* errors) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  const ErrorClass error_class = Classify(error);
  if (error_class != ErrorClass::kUnknownTopic && error_class != ErrorClass::kDenied) {
    return LogLine(client, 4, rd_kafka_err2name(error), text);
  }
  static_cast<std::vector<absl::Status>*>(errors)->push_back(
      CallError(error, Access::kSubscribe, TopicIn(text), "reading", text));
}

int Consumer::ReportErrors(kafka::ConsumerEvents& events) {
  if (errors_->empty()) return 0;
  const std::vector<absl::Status> errors = std::exchange(*errors_, {});
  for (const absl::Status& error : errors) events.OnError(error);
  return static_cast<int>(errors.size());
}

void Consumer::Dispatch(const rd_kafka_message_t& message, kafka::ConsumerEvents& events) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return DispatchRecord(message, events);
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    return events.OnPartitionEnd(PartitionOf(message), message.offset);
  }
  DispatchError(message, events);
}

void Consumer::DispatchRecord(const rd_kafka_message_t& message, kafka::ConsumerEvents& events) {
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

void Consumer::DispatchError(const rd_kafka_message_t& message, kafka::ConsumerEvents& events) {
  const kafka::TopicPartition partition = PartitionOf(message);
  const char* said = rd_kafka_message_errstr(&message);
  // Its own group, which it never uses.
  if (message.err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) return;
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
    return events.OnError(
        MakeError(v1::ERROR_REASON_INTERNAL, absl::StrCat("the Kafka consumer is dead: ", said)));
  }
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
      LogLine(client_.get(), 4, rd_kafka_err2name(message.err), said);
  }
}

std::int64_t Consumer::CachedEnd(const kafka::TopicPartition& partition) const {
  std::int64_t begin = -1;
  std::int64_t end = -1;
  rd_kafka_get_watermark_offsets(client_.get(), partition.topic.c_str(), partition.partition,
                                 &begin, &end);
  return std::max<std::int64_t>(end, -1);
}

absl::StatusOr<std::vector<kafka::Watermarks>> Consumer::QueryWatermarks(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  // Kafka knows the ends as times of their own, and of the end what read_committed shows.
  const auto begins = ListOffsets(partitions, RD_KAFKA_OFFSET_BEGINNING, deadline);
  if (!begins.ok()) return begins.status();
  const auto ends = ListOffsets(partitions, RD_KAFKA_OFFSET_END, deadline);
  if (!ends.ok()) return ends.status();
  std::vector<kafka::Watermarks> out;
  out.reserve(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) out.push_back({(*begins)[i], (*ends)[i]});
  return out;
}

absl::StatusOr<std::vector<std::int64_t>> Consumer::QueryOffsetsForTime(
    const std::vector<kafka::TopicPartition>& partitions, absl::Time time, absl::Duration timeout) {
  if (embedded_ != nullptr) {
    return MakeError(v1::ERROR_REASON_UNSUPPORTED,
                     "the embedded Kafka cannot look up positions by time");
  }
  // Below zero are the logical times.
  const std::int64_t milliseconds = std::max<std::int64_t>(absl::ToUnixMillis(time), 0);
  return ListOffsets(partitions, milliseconds, absl::Now() + timeout);
}

absl::StatusOr<std::vector<std::int64_t>> Consumer::ListOffsets(
    const std::vector<kafka::TopicPartition>& partitions, std::int64_t time,
    absl::Time deadline) const {
  std::vector<std::int64_t> out;
  if (partitions.empty()) return out;
  for (const kafka::TopicPartition& each : partitions) {
    if (const absl::Status status = CheckTopic(each); !status.ok()) return status;
  }
  while (true) {
    const PartitionsHolder list = ToList(partitions, time);
    LookUp look_up{rd_kafka_offsets_for_times(client_.get(), list.get(), Remaining(deadline)), 0};
    out.clear();
    for (int i = 0; look_up.error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; ++i) {
      look_up = {list->elems[i].err, static_cast<std::size_t>(i)};
      out.push_back(std::max<std::int64_t>(list->elems[i].offset, -1));
    }
    if (look_up.error == RD_KAFKA_RESP_ERR_NO_ERROR) return out;
    // Leaders that move, connections that break: asked again while there is time.
    const bool again = Classify(look_up.error) == ErrorClass::kTransient &&
                       absl::Now() + kLookUpRetryDelay < deadline;
    if (!again) return Explain(look_up, partitions, deadline);
    absl::SleepFor(kLookUpRetryDelay);
  }
}

absl::Status Consumer::Explain(const LookUp& look_up,
                               const std::vector<kafka::TopicPartition>& partitions,
                               absl::Time deadline) const {
  const kafka::TopicPartition& partition = partitions[look_up.index];
  rd_kafka_resp_err_t error = look_up.error;
  if (Classify(error) == ErrorClass::kUnknownTopic) {
    const rd_kafka_resp_err_t said = AskAbout(partition.topic, deadline);
    if (Classify(said) == ErrorClass::kDenied) error = said;
  }
  return CallError(
      error, Access::kSubscribe, partition.topic,
      absl::StrCat("looking up offsets of ", partition.topic, " partition ", partition.partition));
}

rd_kafka_resp_err_t Consumer::AskAbout(const std::string& topic, absl::Time deadline) const {
  const TopicHolder handle(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
  if (handle == nullptr) return RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
  const rd_kafka_metadata_t* answer = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(client_.get(), /*all_topics=*/0, handle.get(),
                                                      &answer, Remaining(deadline));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  const MetadataHolder metadata(answer);
  return metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
}

ConsumerFactory::ConsumerFactory(ClientConfig config)
    : config_(std::move(config)), reaper_(std::make_shared<Reaper>()) {}

absl::StatusOr<std::unique_ptr<kafka::Consumer>> ConsumerFactory::MakeConsumer(
    const std::string& client_id, absl::AnyInvocable<void()> on_ready) {
  return Consumer::Make(config_, client_id, std::move(on_ready), reaper_);
}

absl::StatusOr<std::unique_ptr<kafka::GroupConsumer>> ConsumerFactory::MakeGroupConsumer(
    const std::string& /*group_id*/, const std::string& /*client_id*/,
    absl::AnyInvocable<void()> /*on_ready*/) {
  return MakeError(v1::ERROR_REASON_UNSUPPORTED, "groups");
}

}  // namespace eventbus::rdkafka
