#include "tests/simulation/log.h"

#include <algorithm>
#include <array>

#include "absl/types/optional.h"

namespace eventbus::simulation {
namespace {

constexpr int kMostKillers = 2;
constexpr std::array<const char*, 2> kTopics = {"document-events", "tutor-queries"};
constexpr std::array<const char*, 2> kPlain = {R"({"event_type":"document.uploaded"})",
                                               R"({"event_type":"query.submitted"})"};
constexpr std::array<const char*, 4> kKeys = {"k0", "k1", "k2", "k3"};
constexpr char kFiltered[] = R"({"event_type":"other"})";
constexpr char kBroken[] = "{";

}  // namespace

int LogPart::IndexFrom(std::int64_t offset) const {
  const auto found =
      std::lower_bound(records.begin(), records.end(), offset,
                       [](const Record& record, std::int64_t o) { return record.offset < o; });
  return static_cast<int>(found - records.begin());
}

WorldLog::WorldLog(const Setup& setup) : setup_(setup) {
  for (int topic = 0; topic < setup.topics; ++topic) {
    for (int i = 0; i < setup.partitions; ++i) {
      parts_.push_back({{kTopics[static_cast<std::size_t>(topic)], i}, {}, 0, 0});
    }
  }
}

int WorldLog::Find(absl::string_view topic, std::int32_t partition) const {
  const int first = topic == kTopics[0] ? 0 : setup_.partitions;
  return partition < setup_.partitions && first < static_cast<int>(parts_.size())
             ? first + partition
             : -1;
}

std::vector<std::string> WorldLog::topics() const {
  return {kTopics.begin(), kTopics.begin() + setup_.topics};
}

void WorldLog::Append(int part, int count, Random& random) {
  LogPart& log = at(part);
  for (int i = 0; i < count; ++i) {
    Record record;
    if (setup_.holes && random.OneIn(3)) log.end += random.Between(1, 3);
    record.offset = log.end++;
    record.key = random.OneIn(6) ? -1 : random.Below(setup_.keys);
    if (setup_.filter && random.OneIn(3)) record.kind = Kind::kFiltered;
    if (setup_.undecodable && random.OneIn(6)) record.kind = Kind::kUndecodable;
    if (setup_.killers && killers_ < kMostKillers && random.OneIn(6)) {
      record.kind = Kind::kKiller;
      ++killers_;
    }
    log.records.push_back(record);
  }
  if (setup_.holes && random.OneIn(3)) ++log.end;
}

void WorldLog::Truncate(int part, int count) {
  LogPart& log = at(part);
  const int first = log.IndexFrom(log.begin) + count;
  log.begin = first < static_cast<int>(log.records.size())
                  ? log.records[static_cast<std::size_t>(first)].offset
                  : log.end;
}

kafka::RecordView WorldLog::View(EventId id) const {
  const LogPart& log = part(id.part);
  const Record& found = record(id);
  kafka::RecordView view;
  view.topic = log.name.topic;
  view.partition = log.name.partition;
  view.offset = found.offset;
  view.timestamp_ms = 1'700'000'000'000;
  if (found.key >= 0) view.key = kKeys[static_cast<std::size_t>(found.key)];
  const bool first = view.topic == kTopics[0];
  view.value = absl::string_view(kPlain[first ? 0 : 1]);
  if (found.kind == Kind::kFiltered) view.value = absl::string_view(kFiltered);
  if (found.kind == Kind::kUndecodable) view.value = absl::string_view(kBroken);
  return view;
}

}  // namespace eventbus::simulation
