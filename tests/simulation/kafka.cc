#include "tests/simulation/kafka.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/base/error.h"

namespace eventbus::simulation {
namespace {

absl::Status Away() {
  return MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "Kafka does not answer");
}

}  // namespace

class WorldConsumer final : public kafka::GroupConsumer, private Coordinator::Receiver {
 public:
  WorldConsumer(WorldKafka& kafka, std::shared_ptr<ConsumerLink> link)
      : kafka_(kafka), link_(std::move(link)) {}
  ~WorldConsumer() override {
    link_->on_ready = nullptr;
    if (!link_->cut && link_->member >= 0 && !left_) kafka_.coordinator_.Drop(link_->member);
  }

  absl::Status Assign(const std::vector<kafka::StartOffset>& positions) override {
    if (link_->cut) return absl::OkStatus();
    reading_.clear();
    for (const kafka::StartOffset& start : positions) {
      reading_.push_back({kafka_.log_.Find(start.partition), start.offset});
    }
    TellBegun();
    kafka_.coordinator_.Assign(link_->member);
    return absl::OkStatus();
  }

  int Poll(int max, kafka::ConsumerEvents& events) override {
    int handed = 0;
    while (handed < max && !link_->cut && PollOne(events)) ++handed;
    return handed;
  }

  std::int64_t CachedEnd(const kafka::TopicPartition& partition) const override {
    return link_->cut ? -1 : kafka_.log_.part(kafka_.log_.Find(partition)).end;
  }

  absl::StatusOr<std::vector<kafka::Watermarks>> QueryWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration) override {
    if (link_->cut || kafka_.away()) return Away();
    std::vector<kafka::Watermarks> marks;
    for (const auto& partition : partitions) {
      const LogPart& part = kafka_.log_.part(kafka_.log_.Find(partition));
      marks.push_back({part.begin, part.end});
    }
    return marks;
  }
  absl::StatusOr<std::vector<kafka::Watermarks>> QueryLedWatermarks(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration timeout) override {
    auto marks = QueryWatermarks(partitions, timeout);
    for (std::size_t i = 0; marks.ok() && i < partitions.size(); ++i) {
      const int part = kafka_.log_.Find(partitions[i]);
      if (part == kafka_.leaderless_) {
        (*marks)[i] = {-1, -1};
      } else {
        looked_up_.insert(part);
      }
    }
    return marks;
  }
  absl::StatusOr<std::vector<std::int64_t>> QueryOffsetsForTime(
      const std::vector<kafka::TopicPartition>&, absl::Time, absl::Duration) override {
    return Away();
  }

  absl::Status Join(const std::vector<std::string>&) override {
    if (link_->cut) return Away();
    link_->member = kafka_.coordinator_.Join([link = link_] {
      if (!link->cut && link->on_ready) link->on_ready();
    });
    return absl::OkStatus();
  }

  int PollGroup(int max, kafka::GroupEvents& events) override {
    events_ = &events;
    int found = 0;
    while (found < max && !link_->cut && kafka_.coordinator_.TakeEvent(link_->member, *this)) {
      ++found;
    }
    return found;
  }

  absl::Status Release() override {
    if (link_->cut) return absl::OkStatus();
    if (!lost_) kafka_.checker_.OnParked(link_->member, begun_);
    released_ = {revoked_.begin(), revoked_.end()};
    std::erase_if(reading_, [this](const Reading& each) {
      return std::find(revoked_.begin(), revoked_.end(), each.part) != revoked_.end();
    });
    kafka_.coordinator_.Release(link_->member);
    return absl::OkStatus();
  }

  void Commit(const std::vector<kafka::GroupOffset>& offsets, Done done) override {
    if (link_->cut) return;
    kafka_.checker_.OnCommitting(link_->member, offsets);
    kafka_.coordinator_.Commit(link_->member, offsets, std::move(done));
  }

  absl::StatusOr<std::vector<kafka::GroupOffset>> QueryCommitted(
      const std::vector<kafka::TopicPartition>& partitions, absl::Duration) override {
    if (link_->cut || kafka_.away()) return Away();
    std::vector<kafka::GroupOffset> offsets;
    for (const auto& partition : partitions) {
      const int part = kafka_.log_.Find(partition);
      const auto& committed = kafka_.coordinator_.committed(part);
      kafka_.checker_.OnLookedUp(link_->member, part);
      offsets.push_back(committed.value_or(kafka::GroupOffset{partition, -1, ""}));
    }
    return offsets;
  }

  void Leave(std::vector<kafka::GroupOffset> offsets, Done done) override {
    left_ = true;
    if (link_->cut || link_->member < 0) return done(absl::OkStatus());
    kafka_.checker_.OnCommitting(link_->member, offsets);
    kafka_.coordinator_.Leave(link_->member, std::move(offsets), std::move(done));
  }

 private:
  struct Reading {
    int part = 0;
    std::int64_t next = 0;
    bool end_told = false;
    bool lost = false;
  };

  void OnAssigned(const Coordinator::Parts& parts) override {
    untold_ = true;
    released_.clear();
    for (const int part : parts) {
      to_begin_.insert(part);
      looked_up_.erase(part);
    }
    events_->OnAssigned(Names(parts));
  }
  void OnRevoked(const Coordinator::Parts& parts, bool lost) override {
    revoked_ = parts;
    lost_ = lost;
    begun_.clear();
    for (const int part : parts) {
      if (to_begin_.erase(part) == 0) begun_.push_back(part);
    }
    untold_ = untold_ && !to_begin_.empty();
    if (lost) kafka_.checker_.OnLost(link_->member, parts);
    events_->OnRevoked(Names(parts), lost);
  }
  std::vector<kafka::TopicPartition> Names(const Coordinator::Parts& parts) const {
    std::vector<kafka::TopicPartition> names;
    for (const int part : parts) names.push_back(kafka_.log_.part(part).name);
    return names;
  }

  // A member may answer before it knows where to begin, and begin with some. Those that are paused
  // have begun, too.
  void TellBegun() {
    bool begun = false;
    for (const int part : looked_up_) begun = to_begin_.erase(part) > 0 || begun;
    if (!begun && (!untold_ || !to_begin_.empty())) return;
    untold_ = false;
    Coordinator::Parts parts = kafka_.coordinator_.owned(link_->member);
    std::erase_if(
        parts, [this](int part) { return to_begin_.contains(part) || released_.contains(part); });
    kafka_.checker_.OnAssigned(link_->member, parts, to_begin_.empty() && released_.empty());
  }

  // A few records of one partition, then of the next.
  bool PollOne(kafka::ConsumerEvents& events) {
    constexpr std::size_t kBurst = 3;
    for (std::size_t i = 0; i < reading_.size(); ++i) {
      Reading& reading = reading_[(turn_ / kBurst + i) % reading_.size()];
      if (reading.lost || !PollPart(reading, events)) continue;
      ++turn_;
      return true;
    }
    return false;
  }

  bool PollPart(Reading& reading, kafka::ConsumerEvents& events) {
    const LogPart& part = kafka_.log_.part(reading.part);
    if (reading.next < part.begin || reading.next > part.end) {
      reading.lost = true;
      events.OnPositionLost(part.name);
      return true;
    }
    const int index = part.IndexFrom(reading.next);
    if (index < static_cast<int>(part.records.size())) {
      const EventId id{reading.part, index};
      reading.next = kafka_.log_.record(id).offset + 1;
      reading.end_told = false;
      events.OnRecord(kafka_.log_.View(id));
      return true;
    }
    if (reading.end_told && reading.next == part.end) return false;
    reading.next = part.end;
    reading.end_told = true;
    events.OnPartitionEnd(part.name, part.end);
    return true;
  }

  WorldKafka& kafka_;
  const std::shared_ptr<ConsumerLink> link_;
  kafka::GroupEvents* events_ = nullptr;  // Of the call under way.
  Coordinator::Parts revoked_;
  Coordinator::Parts begun_;  // Of those.
  bool lost_ = false;
  bool untold_ = false;      // The checker has not heard of the assignment.
  std::set<int> to_begin_;   // Of it, those that begin once it is known where.
  std::set<int> looked_up_;  // Since they were assigned.
  std::set<int> released_;   // Until the next assignment says what becomes of them.
  bool left_ = false;
  std::size_t turn_ = 0;
  std::vector<Reading> reading_;
};

WorldKafka::WorldKafka(const Setup& setup, WorldLog& log, Coordinator& coordinator,
                       Checker& checker)
    : setup_(setup), log_(log), coordinator_(coordinator), checker_(checker) {
  metadata_.cluster_id = "world";
  metadata_.brokers = 1;
  for (const std::string& topic : log.topics()) metadata_.topics[topic] = {setup_.partitions, 1};
}

std::shared_ptr<ConsumerLink> WorldKafka::Expect(const std::string& name) {
  auto link = std::make_shared<ConsumerLink>();
  expected_[name] = link;
  links_.push_back(link);
  return link;
}

void WorldKafka::WakeAll() {
  for (const auto& weak : links_) {
    const auto link = weak.lock();
    if (link != nullptr && !link->cut && link->on_ready) link->on_ready();
  }
}

absl::StatusOr<kafka::ClusterMetadata> WorldKafka::Describe(absl::Duration) {
  if (away_) return Away();
  return metadata_;
}

absl::StatusOr<std::unique_ptr<kafka::GroupConsumer>> WorldKafka::MakeGroupConsumer(
    const std::string&, const std::string& client_id, absl::AnyInvocable<void()> on_ready) {
  const auto link = expected_.at(client_id);
  if (link->cut) return Away();
  link->on_ready = [ready = std::make_shared<absl::AnyInvocable<void()>>(std::move(on_ready))] {
    (*ready)();
  };
  return std::make_unique<WorldConsumer>(*this, link);
}

}  // namespace eventbus::simulation
