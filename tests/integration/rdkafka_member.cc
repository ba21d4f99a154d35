#include "tests/integration/rdkafka_member.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace eventbus::testing {
namespace {

// What a poll each second promises to Kafka.
constexpr absl::Duration kPollPeriod = absl::Seconds(1);
constexpr int kMax = 100;

}  // namespace

Member::Member(kafka::ConsumerFactory& factory, const std::string& group,
               const std::vector<std::string>& topics)
    : consumer_(factory.MakeGroupConsumer(group, "member", [this] { ready_.Raise(); }).value()) {
  const absl::Status status = consumer_->Join(topics);
  if (!status.ok()) errors.push_back(status);
}

Member::~Member() = default;

bool Member::PollUntil(const std::function<bool()>& done, absl::Duration timeout) {
  return PollAllUntil({this}, done, timeout);
}

bool Member::PollAllUntil(const std::vector<Member*>& members, const std::function<bool()>& done,
                          absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  // Only the first one's wake-ups are waited for.
  const absl::Duration period = members.size() == 1 ? kPollPeriod : absl::Milliseconds(20);
  while (true) {
    for (Member* each : members) each->Poll();
    if (done()) return true;
    if (absl::Now() >= deadline) return false;
    members.front()->ready_.Wait(std::min(period, deadline - absl::Now()));
  }
}

void Member::Poll() {
  while (consumer_->PollGroup(kMax, *this) == kMax) {
  }
  while (!stalled_ && consumer_->Poll(kMax, events) == kMax) {
  }
  Count();
}

void Member::Count() {
  for (; counted_ < events.records.size(); ++counted_) {
    const ReceivedRecord& record = events.records[counted_];
    const auto it = positions_.find(record.partition);
    if (it != positions_.end()) it->second = record.offset + 1;
  }
}

void Member::OnAssigned(const std::vector<kafka::TopicPartition>& partitions) {
  ++assignments;
  if (no_assign) return no_assign();
  const auto committed = consumer_->QueryCommitted(partitions, kPatience);
  if (!committed.ok()) return errors.push_back(committed.status());
  for (const kafka::GroupOffset& each : *committed) {
    positions_[each.partition] = std::max<std::int64_t>(each.offset, 0);
  }
  Read();
}

void Member::Read() {
  std::vector<kafka::StartOffset> starts;
  for (const auto& [partition, offset] : positions_) {
    if (!paused_.contains(partition)) starts.push_back({partition, offset});
  }
  const absl::Status status = consumer_->Assign(starts);
  if (!status.ok()) errors.push_back(status);
}

void Member::Pause(std::set<kafka::TopicPartition> paused) {
  paused_ = std::move(paused);
  Read();
}

void Member::MoveTo(const std::map<kafka::TopicPartition, std::int64_t>& positions) {
  for (const auto& [partition, offset] : positions) positions_[partition] = offset;
  Read();
}

void Member::OnRevoked(const std::vector<kafka::TopicPartition>& partitions, bool lost) {
  ++revocations;
  if (no_release) return no_release();
  if (lost) ++losses;
  std::vector<kafka::GroupOffset> offsets;
  for (const kafka::TopicPartition& each : partitions) {
    offsets.push_back({each, positions_[each], ""});
    positions_.erase(each);
  }
  if (!lost && !offsets.empty()) {
    consumer_->Commit(offsets, [this](const absl::Status& status) {
      if (!status.ok()) commit_errors.push_back(status);
    });
  }
  const absl::Status status = consumer_->Release();
  if (!status.ok()) errors.push_back(status);
}

std::vector<std::string> Member::values() const {
  std::vector<std::string> out;
  for (const ReceivedRecord& each : events.records) out.push_back(each.value.value_or(""));
  return out;
}

std::vector<kafka::GroupOffset> Member::PositionsToCommit(const std::string& metadata) const {
  std::vector<kafka::GroupOffset> offsets;
  for (const auto& [partition, offset] : positions_) {
    offsets.push_back({partition, offset, metadata});
  }
  return offsets;
}

absl::Status Member::CommitAndWait(const std::vector<kafka::GroupOffset>& offsets) {
  absl::Status result = absl::UnknownError("no answer");
  bool answered = false;
  consumer_->Commit(offsets, [&](const absl::Status& status) {
    result = status;
    answered = true;
  });
  PollUntil([&] { return answered; });
  return result;
}

absl::Status Member::LeaveAndWait(const std::vector<kafka::GroupOffset>& offsets) {
  absl::Status result = absl::UnknownError("no answer");
  Signal left;
  consumer_->Leave(offsets, [&](const absl::Status& status) {
    result = status;
    left.Raise();
  });
  left.Wait();
  return result;
}

}  // namespace eventbus::testing
