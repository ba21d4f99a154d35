#include "server/rdkafka/consumer.h"

#include <utility>

#include "server/rdkafka/conf.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/group_consumer.h"
#include "server/rdkafka/log.h"
#include "server/rdkafka/main_thread.h"
#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {
namespace {

void CallOnReady(rd_kafka_t* /*client*/, void* on_ready) {
  (*static_cast<absl::AnyInvocable<void()>*>(on_ready))();
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
      reaper_(std::move(reaper)),
      look_ups_(client_.get(), embedded),
      dispatcher_(client_.get()) {
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
    if (const absl::Status status = look_ups_.CheckTopic(each.partition.topic); !status.ok())
      return status;
  }
  // librdkafka (2.0 to 2.15, issue 5573) aborts where a partition is taken away again before the
  // first time is done with.
  AwaitMainThread(client_.get());
  const PartitionsHolder list = ToStartList(positions);
  return CallError(rd_kafka_assign(client_.get(), list.get()), Access::kSubscribe, "",
                   "assigning partitions");
}

int Consumer::Poll(int max, kafka::ConsumerEvents& events) {
  int found = 0;
  while (found < max) {
    const MessageHolder message(rd_kafka_consumer_poll(client_.get(), 0));
    found += ReportErrors(events);
    if (message == nullptr) {
      dispatcher_.OnEmpty();
      break;
    }
    // Its own group, which it never uses.
    if (Classify(message->err) == ErrorClass::kGroupDenied) continue;
    dispatcher_.Dispatch(*message, events);
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

std::int64_t Consumer::CachedEnd(const kafka::TopicPartition& partition) const {
  return look_ups_.CachedEnd(partition);
}

absl::StatusOr<std::vector<kafka::Watermarks>> Consumer::QueryWatermarks(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) {
  return look_ups_.Watermarks(partitions, timeout);
}

absl::StatusOr<std::vector<std::int64_t>> Consumer::QueryOffsetsForTime(
    const std::vector<kafka::TopicPartition>& partitions, absl::Time time, absl::Duration timeout) {
  return look_ups_.OffsetsForTime(partitions, time, timeout);
}

ConsumerFactory::ConsumerFactory(ClientConfig config)
    : config_(std::move(config)), reaper_(std::make_shared<Reaper>()) {}

absl::StatusOr<std::unique_ptr<kafka::Consumer>> ConsumerFactory::MakeConsumer(
    const std::string& client_id, absl::AnyInvocable<void()> on_ready) {
  return Consumer::Make(config_, client_id, std::move(on_ready), reaper_);
}

absl::StatusOr<std::unique_ptr<kafka::GroupConsumer>> ConsumerFactory::MakeGroupConsumer(
    const std::string& group_id, const std::string& client_id,
    absl::AnyInvocable<void()> on_ready) {
  return GroupConsumer::Make(config_, group_id, client_id, std::move(on_ready), reaper_);
}

}  // namespace eventbus::rdkafka
