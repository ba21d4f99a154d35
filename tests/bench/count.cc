#include "tests/bench/count.h"

#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/wire/wire_reader.h"

namespace eventbus::bench {
namespace {

constexpr int kStarted = v1::SubscribeResponse::kStartedFieldNumber;
constexpr int kBatch = v1::SubscribeResponse::kBatchFieldNumber;
constexpr int kEvents = v1::EventBatch::kEventsFieldNumber;
constexpr int kResults = v1::PublishBatchResponse::kResultsFieldNumber;
constexpr int kPublished = v1::PublishResult::kPublishedFieldNumber;
static_assert(kResults == v1::PublishStreamResponse::kResultsFieldNumber);

// Walks over bytes in several pieces, which stay where they are.
class Cursor {
 public:
  explicit Cursor(const std::vector<grpc::Slice>& slices) : slices_(slices) {}

  std::size_t position() const { return position_; }

  bool Next(unsigned char* byte) {
    while (slice_ < slices_.size() && offset_ == slices_[slice_].size()) NextSlice();
    if (slice_ == slices_.size()) return false;
    *byte = slices_[slice_].begin()[offset_++];
    ++position_;
    return true;
  }

  bool Varint(std::uint64_t* value) {
    *value = 0;
    unsigned char byte = 0x80;
    for (int shift = 0; (byte & 0x80) != 0 && shift < 64; shift += 7) {
      if (!Next(&byte)) return false;
      *value |= std::uint64_t{byte & 0x7fu} << shift;
    }
    return (byte & 0x80) == 0;
  }

  // The field number and the length of a field that has one.
  bool Field(int* number, std::size_t* length) {
    std::uint64_t tag = 0;
    if (!Varint(&tag) || (tag & 7) != static_cast<unsigned>(wire::WireType::kBytes)) return false;
    *number = static_cast<int>(tag >> 3);
    return Varint(length);
  }

  bool Skip(std::size_t count) {
    position_ += count;
    while (slice_ < slices_.size() && count > slices_[slice_].size() - offset_) {
      count -= slices_[slice_].size() - offset_;
      NextSlice();
    }
    offset_ += count;
    return slice_ < slices_.size() || count == 0;
  }

 private:
  void NextSlice() {
    ++slice_;
    offset_ = 0;
  }

  const std::vector<grpc::Slice>& slices_;
  std::size_t slice_ = 0;
  std::size_t offset_ = 0;
  std::size_t position_ = 0;
};

// Of an `EventBatch` of `size` bytes; -1 where it is not one.
std::int64_t CountEvents(Cursor& cursor, std::size_t size) {
  const std::size_t end = cursor.position() + size;
  std::int64_t events = 0;
  while (cursor.position() < end) {
    int number = 0;
    std::size_t length = 0;
    if (!cursor.Field(&number, &length) || !cursor.Skip(length)) return -1;
    if (number == kEvents) ++events;
  }
  return cursor.position() == end ? events : -1;
}

absl::Status ErrorOf(absl::string_view result) {
  v1::PublishResult parsed;
  if (!parsed.ParseFromArray(result.data(), static_cast<int>(result.size()))) {
    return absl::DataLossError("not a PublishResult");
  }
  return absl::AbortedError(absl::StrCat("not published: ", parsed.error().message()));
}

}  // namespace

absl::StatusOr<Delivery> CountDelivered(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok()) return absl::DataLossError("no bytes");
  Cursor cursor(slices);
  Delivery delivery;
  while (cursor.position() < response.Length()) {
    int number = 0;
    std::size_t length = 0;
    if (!cursor.Field(&number, &length)) return absl::DataLossError("not a SubscribeResponse");
    if (number == kStarted) delivery.started = true;
    const std::int64_t events = number == kBatch ? CountEvents(cursor, length) : 0;
    if (events < 0 || (number != kBatch && !cursor.Skip(length))) {
      return absl::DataLossError("not a SubscribeResponse");
    }
    delivery.events += events;
  }
  return delivery;
}

absl::StatusOr<std::int64_t> CountPublished(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return absl::DataLossError("no bytes");
  wire::WireReader reader(
      absl::string_view(reinterpret_cast<const char*>(slice.begin()), slice.size()));
  wire::WireField field;
  std::int64_t events = 0;
  while (reader.Next(&field)) {
    if (field.number != kResults) return absl::DataLossError("not a response to a batch");
    wire::WireReader result(field.bytes);
    wire::WireField outcome;
    if (!result.Next(&outcome) || outcome.number != kPublished) return ErrorOf(field.bytes);
    ++events;
  }
  if (reader.fault() != wire::WireFault::kNone) return absl::DataLossError("cut off");
  return events;
}

}  // namespace eventbus::bench
