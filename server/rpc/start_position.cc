#include "server/rpc/start_position.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace eventbus::rpc {
namespace {

// Years 0001 to 9999, as protobuf has them.
bool IsValid(const google::protobuf::Timestamp& time) {
  return time.seconds() >= -62'135'596'800 && time.seconds() <= 253'402'300'799 &&
         time.nanos() >= 0 && time.nanos() < 1'000'000'000;
}

class StartReader {
 public:
  StartReader(const std::string& path, const bus::Start& unset,
              const std::vector<std::string>& topics, const event::Catalog& catalog,
              std::vector<FieldViolation>& violations)
      : path_(path), unset_(unset), topics_(topics), catalog_(catalog), violations_(violations) {}

  bus::Start Read(const v1::StartPosition& start) {
    switch (start.position_case()) {
      case v1::StartPosition::kEarliest:
        return bus::Earliest{};
      case v1::StartPosition::kLatest:
        return bus::Latest{};
      case v1::StartPosition::kTime:
        return ReadTime(start.time());
      case v1::StartPosition::kResumeToken:
        return ReadToken(start.resume_token());
      case v1::StartPosition::kOffsets:
        return ReadOffsets(start.offsets());
      case v1::StartPosition::POSITION_NOT_SET:
        break;
    }
    return unset_;
  }

 private:
  template <typename... Parts>
  void Violate(absl::string_view field, const Parts&... description) {
    violations_.push_back({absl::StrCat(path_, ".", field), absl::StrCat(description...)});
  }

  bus::Start ReadTime(const google::protobuf::Timestamp& time) {
    if (!IsValid(time)) {
      Violate("time", time.seconds(), " s and ", time.nanos(),
              " ns, years 0001 to 9999 and 0 to 999999999 ns are allowed");
      return unset_;
    }
    return bus::AtTime{absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos())};
  }

  bus::Start ReadToken(const std::string& text) {
    auto token = bus::ParseResumeToken(text);
    if (token.has_value()) return *std::move(token);
    Violate("resume_token",
            "damaged, or not from this service; the last resume_token of a stream is required");
    return unset_;
  }

  bus::Start ReadOffsets(const v1::PartitionOffsets& offsets) {
    bus::AtOffsets at;
    at.others_earliest = std::holds_alternative<bus::Earliest>(unset_);
    std::set<kafka::TopicPartition> seen;
    for (int i = 0; i < offsets.positions_size(); ++i) {
      const v1::Position& position = offsets.positions(i);
      const kafka::TopicPartition partition{position.topic(), position.partition()};
      CheckPosition(absl::StrCat("offsets.positions[", i, "]"), position,
                    seen.insert(partition).second);
      at.positions.push_back({partition, position.offset()});
    }
    return at;
  }

  void CheckPosition(const std::string& field, const v1::Position& position, bool first) {
    if (!IsRead(position.topic())) {
      Violate(field + ".topic", "\"", position.topic(), "\", a topic that is read is required");
    }
    if (position.partition() < 0) {
      Violate(field + ".partition", position.partition(), ", at least 0 is allowed");
    }
    if (position.offset() < 0) {
      Violate(field + ".offset", position.offset(), ", at least 0 is allowed");
    }
    if (!first) Violate(field, "the partition is listed twice, once is allowed");
  }

  bool IsRead(const std::string& topic) const {
    if (catalog_.FindTopic(topic) == nullptr) return false;
    return topics_.empty() || std::find(topics_.begin(), topics_.end(), topic) != topics_.end();
  }

  const std::string& path_;
  const bus::Start& unset_;
  const std::vector<std::string>& topics_;
  const event::Catalog& catalog_;
  std::vector<FieldViolation>& violations_;
};

}  // namespace

bus::Start ReadStart(const v1::StartPosition& start, const std::string& path,
                     const bus::Start& unset, const std::vector<std::string>& topics,
                     const event::Catalog& catalog, std::vector<FieldViolation>& violations) {
  return StartReader(path, unset, topics, catalog, violations).Read(start);
}

}  // namespace eventbus::rpc
