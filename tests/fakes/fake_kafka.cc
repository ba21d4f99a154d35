#include "tests/fakes/fake_kafka.h"

#include "server/base/error.h"

namespace eventbus::fakes {

class FakeConsumer final : public kafka::Consumer {
 public:
  FakeConsumer(FakeKafka& kafka, std::shared_ptr<FakeKafka::Live> live, std::string client_id,
               FakeKafka::Waker waker)
      : kafka_(kafka),
        live_(std::move(live)),
        client_id_(std::move(client_id)),
        waker_(std::move(waker)) {
    MutexLock lock(live_->mu);
    ++live_->by_client[client_id_];
  }
  ~FakeConsumer() override {
    MutexLock lock(live_->mu);
    --live_->by_client[client_id_];
  }

  absl::Status Assign(const std::vector<kafka::StartOffset>& positions) override {
    positions_.clear();
    for (const auto& start : positions) positions_[start.partition] = {start.offset, false, false};
    return absl::OkStatus();
  }

  int Poll(int max, kafka::ConsumerEvents& events) override {
    int handed = 0;
    while (handed < max && PollOne(events)) ++handed;
    return handed;
  }

  std::int64_t CachedEnd(const kafka::TopicPartition& partition) const override {
    MutexLock lock(kafka_.mu_);
    return Find(partition).end;
  }

  absl::StatusOr<std::vector<kafka::Watermarks>> QueryWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration) override {
    MutexLock lock(kafka_.mu_);
    if (!kafka_.error_.ok()) return kafka_.error_;
    std::vector<kafka::Watermarks> marks;
    for (const auto& partition : partitions) {
      marks.push_back({Find(partition).begin, Find(partition).shown_end()});
    }
    return marks;
  }

  absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<kafka::TopicPartition>& partitions, absl::Time time,
      absl::Duration) override {
    MutexLock lock(kafka_.mu_);
    std::vector<std::int64_t> offsets;
    for (const auto& partition : partitions) {
      std::int64_t found = -1;
      for (const auto& [offset, record] : Find(partition).records) {
        if (found < 0 && absl::FromUnixMillis(record.timestamp_ms) >= time) found = offset;
      }
      offsets.push_back(found);
    }
    return offsets;
  }

 private:
  struct Reading {
    std::int64_t next = 0;
    bool end_told = false;
    bool lost = false;
  };

  FakeKafka::Partition& Find(const kafka::TopicPartition& partition) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(kafka_.mu_) {
    return kafka_.topics_[partition.topic][static_cast<std::size_t>(partition.partition)];
  }

  bool PollOne(kafka::ConsumerEvents& events) {
    if (const absl::Status error = TakeError(); !error.ok()) {
      events.OnError(error);
      return true;
    }
    for (auto& [partition, reading] : positions_) {
      if (!reading.lost && PollPartition(partition, reading, events)) return true;
    }
    return false;
  }

  absl::Status TakeError() {
    MutexLock lock(kafka_.mu_);
    if (std::exchange(errors_told_, kafka_.consumer_errors_) == kafka_.consumer_errors_) {
      return absl::OkStatus();
    }
    return kafka_.consumer_error_;
  }

  bool PollPartition(const kafka::TopicPartition& partition, Reading& reading,
                     kafka::ConsumerEvents& events) {
    StoredRecord record;
    std::int64_t begin = 0;
    std::int64_t log_end = 0;
    std::int64_t end = 0;
    {
      MutexLock lock(kafka_.mu_);
      const FakeKafka::Partition& stored = Find(partition);
      begin = stored.begin;
      log_end = stored.end;
      end = stored.shown_end();
      const auto found = stored.records.lower_bound(reading.next);
      const bool shown = found != stored.records.end() && found->first < end;
      record.offset = shown ? found->first : -1;
      if (shown) record = found->second;
    }
    if (reading.next < begin || reading.next > log_end) {
      reading.lost = true;
      events.OnPositionLost(partition);
      return true;
    }
    if (reading.next > end) return false;  // Kafka does not even say that this is the end.
    if (record.offset < 0) {
      if (reading.end_told && reading.next == end) return false;
      reading.next = end;
      reading.end_told = true;
      events.OnPartitionEnd(partition, end);
      return true;
    }
    reading.next = record.offset + 1;
    reading.end_told = false;
    Hand(partition, record, events);
    return true;
  }

  static void Hand(const kafka::TopicPartition& partition, const StoredRecord& record,
                   kafka::ConsumerEvents& events) {
    kafka::RecordView view;
    view.topic = partition.topic;
    view.partition = partition.partition;
    view.offset = record.offset;
    view.timestamp_ms = record.timestamp_ms;
    if (record.key.has_value()) view.key = *record.key;
    if (record.value.has_value()) view.value = *record.value;
    for (const auto& header : record.headers) {
      view.headers.push_back({header.key, absl::nullopt});
      if (header.value.has_value()) view.headers.back().value = *header.value;
    }
    events.OnRecord(view);
  }

  FakeKafka& kafka_;
  const std::shared_ptr<FakeKafka::Live> live_;
  const std::string client_id_;
  const FakeKafka::Waker waker_;
  int errors_told_ = 0;
  std::map<kafka::TopicPartition, Reading> positions_;
};

void FakeKafka::AddTopic(const std::string& topic, int partitions) {
  MutexLock lock(mu_);
  topics_[topic].resize(static_cast<std::size_t>(partitions));
}

std::int64_t FakeKafka::Append(const std::string& topic, int partition, std::string value,
                               std::optional<std::string> key) {
  StoredRecord record;
  record.key = std::move(key);
  record.value = std::move(value);
  std::int64_t offset = 0;
  {
    MutexLock lock(mu_);
    offset = topics_[topic][static_cast<std::size_t>(partition)].end;
  }
  AppendRecord(topic, partition, std::move(record));
  return offset;
}

void FakeKafka::AppendRecord(const std::string& topic, int partition, StoredRecord record) {
  {
    MutexLock lock(mu_);
    Partition& stored = topics_[topic][static_cast<std::size_t>(partition)];
    record.offset = stored.end++;
    stored.records.emplace(record.offset, std::move(record));
  }
  WakeConsumers();
}

void FakeKafka::Truncate(const std::string& topic, int partition, std::int64_t begin) {
  MutexLock lock(mu_);
  Partition& stored = topics_[topic][static_cast<std::size_t>(partition)];
  stored.begin = begin;
  stored.records.erase(stored.records.begin(), stored.records.lower_bound(begin));
}

void FakeKafka::Hide(const std::string& topic, int partition, std::int64_t offset) {
  {
    MutexLock lock(mu_);
    topics_[topic][static_cast<std::size_t>(partition)].hidden_from = offset;
  }
  WakeConsumers();
}

void FakeKafka::Recreate(const std::string& topic) {
  {
    MutexLock lock(mu_);
    std::vector<Partition>& partitions = topics_[topic];
    partitions.assign(partitions.size(), {});
  }
  WakeConsumers();
}

std::int64_t FakeKafka::End(const std::string& topic, int partition) const {
  MutexLock lock(mu_);
  return topics_.at(topic)[static_cast<std::size_t>(partition)].end;
}

void FakeKafka::AppendControl(const std::string& topic, int partition) {
  MutexLock lock(mu_);
  ++topics_[topic][static_cast<std::size_t>(partition)].end;
}

void FakeKafka::SetError(const absl::Status& error) {
  MutexLock lock(mu_);
  error_ = error;
}

void FakeKafka::FailConsumers(const absl::Status& error) {
  {
    MutexLock lock(mu_);
    consumer_error_ = error;
    ++consumer_errors_;
  }
  WakeConsumers();
}

void FakeKafka::SetProduceError(const absl::Status& error) {
  MutexLock lock(mu_);
  produce_error_ = error;
}

void FakeKafka::WakeConsumers() {
  std::vector<Waker> wakers;
  {
    MutexLock lock(mu_);
    for (const auto& weak : std::exchange(wakers_, {})) {
      Waker waker = weak.lock();
      if (waker == nullptr) continue;
      wakers_.push_back(waker);
      wakers.push_back(std::move(waker));
    }
  }
  for (const Waker& waker : wakers) (*waker)();
}

void FakeKafka::Deliver(absl::StatusOr<kafka::Position> result) {
  DoneCallback done;
  {
    MutexLock lock(mu_);
    done = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
  }
  done(std::move(result));
}

int FakeKafka::live_consumers() const {
  MutexLock lock(live_->mu);
  int live = 0;
  for (const auto& [client, count] : live_->by_client) live += count;
  return live;
}

int FakeKafka::live_consumers(const std::string& client_id) const {
  MutexLock lock(live_->mu);
  return live_->by_client[client_id];
}

std::vector<kafka::OutgoingRecord> FakeKafka::produced() const {
  MutexLock lock(mu_);
  return produced_;
}

std::size_t FakeKafka::produced_count() const {
  MutexLock lock(mu_);
  return produced_.size();
}

std::vector<kafka::NewTopic> FakeKafka::created() const {
  MutexLock lock(mu_);
  return created_;
}

absl::StatusOr<kafka::ClusterMetadata> FakeKafka::Describe(absl::Duration) {
  MutexLock lock(mu_);
  if (!error_.ok()) return error_;
  kafka::ClusterMetadata metadata;
  metadata.cluster_id = "fake-cluster";
  metadata.brokers = 1;
  for (const auto& [topic, partitions] : topics_) {
    metadata.topics[topic] = {static_cast<std::int32_t>(partitions.size()), 1};
  }
  return metadata;
}

absl::Status FakeKafka::CreateTopic(const kafka::NewTopic& topic, absl::Duration) {
  MutexLock lock(mu_);
  if (!error_.ok()) return error_;
  topics_[topic.name].resize(static_cast<std::size_t>(topic.partitions));
  created_.push_back(topic);
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::string>> FakeKafka::DescribeTopicConfig(
    const std::string&, absl::Duration) {
  if (hidden_configs_ > 0) {
    --hidden_configs_;
    return MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND, "not heard of yet");
  }
  if (config_.empty()) return MakeError(v1::ERROR_REASON_UNSUPPORTED, "no configuration here");
  return config_;
}

void FakeKafka::SetGroupDescription(const std::string& group, kafka::GroupDescription description) {
  MutexLock lock(mu_);
  descriptions_[group] = std::move(description);
}

void FakeKafka::SetEndsError(const absl::Status& error) {
  MutexLock lock(mu_);
  ends_error_ = error;
}

absl::StatusOr<kafka::GroupDescription> FakeKafka::DescribeGroup(const std::string& group,
                                                                 absl::Duration) {
  if (on_describe_group_) on_describe_group_();
  MutexLock lock(mu_);
  if (!error_.ok()) return error_;
  const auto found = descriptions_.find(group);
  if (found == descriptions_.end()) return kafka::GroupDescription{"Dead", "", {}};
  return found->second;
}

absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> FakeKafka::QueryEnds(
    const std::vector<kafka::TopicPartition>& partitions, absl::Duration) {
  MutexLock lock(mu_);
  if (!ends_error_.ok()) return ends_error_;
  std::map<kafka::TopicPartition, std::int64_t> ends;
  for (const kafka::TopicPartition& each : partitions) {
    ends[each] = topics_.at(each.topic).at(static_cast<std::size_t>(each.partition)).end;
  }
  return ends;
}

absl::StatusOr<std::unique_ptr<kafka::Consumer>> FakeKafka::MakeConsumer(
    const std::string& client_id, absl::AnyInvocable<void()> on_ready) {
  MutexLock lock(mu_);
  if (!error_.ok()) return error_;
  auto waker = std::make_shared<absl::AnyInvocable<void()>>(std::move(on_ready));
  wakers_.push_back(waker);
  return std::make_unique<FakeConsumer>(*this, live_, client_id, std::move(waker));
}

absl::StatusOr<std::unique_ptr<kafka::GroupConsumer>> FakeKafka::MakeGroupConsumer(
    const std::string& group_id, const std::string& client_id,
    absl::AnyInvocable<void()> on_ready) {
  auto records = MakeConsumer(client_id, std::move(on_ready));
  if (!records.ok()) return records.status();
  return MakeFakeGroupConsumer(FindGroup(group_id), *std::move(records));
}

std::shared_ptr<FakeGroup> FakeKafka::FindGroup(const std::string& id) {
  MutexLock lock(mu_);
  std::shared_ptr<FakeGroup>& group = groups_[id];
  if (group == nullptr) {
    group = std::make_shared<FakeGroup>(
        [this](const std::vector<std::string>& topics) { return PartitionsOf(topics); },
        [this] { WakeConsumers(); });
  }
  return group;
}

std::vector<kafka::TopicPartition> FakeKafka::PartitionsOf(const std::vector<std::string>& topics) {
  MutexLock lock(mu_);
  std::vector<kafka::TopicPartition> partitions;
  for (const std::string& topic : topics) {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) continue;
    for (std::size_t i = 0; i < found->second.size(); ++i) {
      partitions.push_back({topic, static_cast<std::int32_t>(i)});
    }
  }
  return partitions;
}

absl::Status FakeKafka::Produce(kafka::OutgoingRecord& record, DoneCallback& done) {
  DoneCallback now;
  kafka::Position position;
  {
    MutexLock lock(mu_);
    if (!produce_error_.ok()) return produce_error_;
    produced_.push_back(std::move(record));
    if (hold_) {
      waiting_.push_back(std::move(done));
      return absl::OkStatus();
    }
    position.offset = static_cast<std::int64_t>(produced_.size()) - 1;
    now = std::move(done);
  }
  now(position);
  return absl::OkStatus();
}

}  // namespace eventbus::fakes
