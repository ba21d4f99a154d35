// Assignment := version:int16 count:int32 Topic* user_data
// Topic      := length:int16 name count:int32 partition:int32*
// Big endian. Later versions add to the end.
#include "server/rdkafka/member_assignment.h"

#include <cstdint>
#include <string>

namespace eventbus::rdkafka {
namespace {

class Reader {
 public:
  explicit Reader(absl::string_view bytes) : bytes_(bytes) {}

  // False once something was missing; what is read then is zero.
  bool ok() const { return ok_; }

  std::int32_t Int(std::size_t size) {
    std::uint32_t value = 0;
    for (const char byte : Take(size)) value = value << 8 | static_cast<unsigned char>(byte);
    return static_cast<std::int32_t>(value);
  }
  // A count or a length: not below zero, nor more than there are bytes.
  std::size_t Count(std::size_t size) {
    const std::int32_t count = Int(size);
    if (count < 0 || static_cast<std::size_t>(count) > bytes_.size()) ok_ = false;
    return ok_ ? static_cast<std::size_t>(count) : 0;
  }
  absl::string_view Take(std::size_t size) {
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    const absl::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

 private:
  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::vector<kafka::TopicPartition> ParseMemberAssignment(absl::string_view bytes) {
  std::vector<kafka::TopicPartition> partitions;
  Reader reader(bytes);
  reader.Int(2);
  for (std::size_t topics = reader.Count(4); topics > 0 && reader.ok(); --topics) {
    const std::string topic(reader.Take(reader.Count(2)));
    for (std::size_t count = reader.Count(4); count > 0 && reader.ok(); --count) {
      partitions.push_back({topic, reader.Int(4)});
    }
  }
  if (!reader.ok()) partitions.clear();
  return partitions;
}

}  // namespace eventbus::rdkafka
