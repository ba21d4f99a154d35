#include "tests/integration/rdkafka_support.h"

#include <gtest/gtest.h>

#include <cstring>

#include "absl/time/clock.h"
#include "server/rdkafka/handles.h"

namespace eventbus::testing {
namespace {

std::optional<std::string> ToOptional(const absl::optional<absl::string_view>& view) {
  if (!view.has_value()) return std::nullopt;
  return std::string(*view);
}

}  // namespace

bool Signal::Wait(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(mu_);
  while (!raised_ && absl::Now() < deadline) changed_.WaitFor(mu_, deadline - absl::Now());
  return std::exchange(raised_, false);
}

kafka::Producer::DoneCallback Reports::For(int id) {
  return [this, id](Report report) {
    MutexLock lock(mu_);
    reports_.emplace(id, std::move(report));
    changed_.NotifyAll();
  };
}

std::map<int, Reports::Report> Reports::Wait(std::size_t count, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(mu_);
  while (reports_.size() < count && absl::Now() < deadline) {
    changed_.WaitFor(mu_, deadline - absl::Now());
  }
  return reports_;
}

kafka::OutgoingRecord MakeRecord(std::string topic, std::string key, std::string value) {
  kafka::OutgoingRecord record;
  record.topic = std::move(topic);
  record.key = std::move(key);
  record.value = std::move(value);
  return record;
}

Reports::Report ProduceAndWait(kafka::Producer& producer, kafka::OutgoingRecord record) {
  // Shared with the callback, which may come after the patience has ended.
  const auto reports = std::make_shared<Reports>();
  kafka::Producer::DoneCallback done = [reports,
                                        report = reports->For(0)](Reports::Report result) mutable {
    report(std::move(result));
  };
  const absl::Status taken = producer.Produce(record, done);
  if (!taken.ok()) return taken;
  auto all = reports->Wait(1, absl::Seconds(45));
  if (all.empty()) return absl::UnknownError("no report");
  return all.begin()->second;
}

void ProduceForeign(const std::string& bootstrap_servers, const std::string& topic, const char* key,
                    const char* value) {
  char why[512] = "";
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap_servers.c_str(), why, sizeof why);
  const rdkafka::ClientHolder client(rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why));
  const auto size = [](const char* text) { return text == nullptr ? 0 : std::strlen(text); };
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): librdkafka copies it.
  const auto bytes = [](const char* text) { return const_cast<char*>(text); };
  EXPECT_EQ(rd_kafka_producev(client.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                              RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY(bytes(key), size(key)),
                              RD_KAFKA_V_VALUE(bytes(value), size(value)),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_HEADER("null", nullptr, 0), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(rd_kafka_flush(client.get(), static_cast<int>(absl::ToInt64Milliseconds(kPatience))),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

void RecordingEvents::OnRecord(const kafka::RecordView& record) {
  ReceivedRecord out;
  out.partition = {std::string(record.topic), record.partition};
  out.offset = record.offset;
  out.timestamp_ms = record.timestamp_ms;
  out.key = ToOptional(record.key);
  out.value = ToOptional(record.value);
  for (const kafka::HeaderView& header : record.headers) {
    out.headers.emplace_back(std::string(header.key), ToOptional(header.value));
  }
  records.push_back(std::move(out));
}

Reader::Reader(kafka::ConsumerFactory& factory, const std::string& client_id)
    : consumer_(factory.MakeConsumer(client_id, [this] { ready_.Raise(); }).value()) {}

void Reader::Assign(const kafka::TopicPartition& partition, std::int64_t offset) {
  const absl::Status status = consumer_->Assign({{partition, offset}});
  if (!status.ok()) events.errors.push_back(status);
}

bool Reader::PollUntil(const std::function<bool()>& done, absl::Duration timeout) {
  constexpr int kMax = 100;
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    while (consumer_->Poll(kMax, events) == kMax) {
    }
    if (done()) return true;
    if (!ready_.Wait(deadline - absl::Now())) return false;
  }
}

}  // namespace eventbus::testing
