#include "server/bus/group_offsets.h"

#include <algorithm>
#include <utility>

#include "server/base/error.h"

namespace eventbus::bus {
namespace {

constexpr char kClientId[] = "eventbus/get-group";
constexpr int kMaxEvents = 16;
// After so long it is looked whether the group is denied.
constexpr absl::Duration kSlice = absl::Seconds(2);

// Keeps that the group is denied: where it is from the start, the look-up only runs out of time.
class Denial final : public kafka::GroupEvents {
 public:
  void OnAssigned(const std::vector<kafka::TopicPartition>& /*partitions*/) override {}
  void OnRevoked(const std::vector<kafka::TopicPartition>& /*partitions*/, bool /*lost*/) override {
  }
  void OnGroupError(const absl::Status& error) override {
    if (GetErrorDetails(error).reason == v1::ERROR_REASON_GROUP_DENIED) status_ = error;
  }

  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::map<kafka::TopicPartition, std::int64_t>> QueryGroupOffsets(
    const std::string& group, const std::vector<kafka::TopicPartition>& partitions,
    kafka::ConsumerFactory& consumers, absl::Duration timeout) {
  std::map<kafka::TopicPartition, std::int64_t> offsets;
  auto consumer = consumers.MakeGroupConsumer(group, kClientId, [] {});
  if (!consumer.ok()) return consumer.status();
  auto committed = (*consumer)->QueryCommitted(partitions, std::min(kSlice, timeout));
  while (!committed.ok()) {
    Denial denial;
    (*consumer)->PollGroup(kMaxEvents, denial);
    if (!denial.status().ok()) return denial.status();
    timeout -= kSlice;
    if (!absl::IsUnavailable(committed.status()) || timeout <= absl::ZeroDuration()) {
      return committed.status();
    }
    committed = (*consumer)->QueryCommitted(partitions, std::min(kSlice, timeout));
  }
  for (const kafka::GroupOffset& each : *committed) {
    if (each.offset >= 0) offsets.emplace(each.partition, each.offset);
  }
  return offsets;
}

}  // namespace eventbus::bus
