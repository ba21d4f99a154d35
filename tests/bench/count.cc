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
constexpr int kBatchToken = v1::EventBatch::kAckTokenFieldNumber;
constexpr int kEventToken = v1::ReceivedEvent::kAckTokenFieldNumber;
constexpr int kDelivery = v1::ConsumeResponse::kDeliveryFieldNumber;
constexpr int kAcknowledged = v1::ConsumeResponse::kAcknowledgedFieldNumber;
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

  bool Read(std::size_t count, std::string* bytes) {
    bytes->clear();
    for (unsigned char byte = 0; bytes->size() < count;) {
      if (!Next(&byte)) return false;
      bytes->push_back(static_cast<char>(byte));
    }
    return true;
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

// An `EventBatch` that ends at `end`. False where it is not one.
bool TakeBatch(Cursor& cursor, std::size_t end, Delivery& delivery) {
  while (cursor.position() < end) {
    int number = 0;
    std::size_t length = 0;
    if (!cursor.Field(&number, &length)) return false;
    if (number == kEvents) ++delivery.events;
    if (number == kBatchToken ? !cursor.Read(length, &delivery.ack_token) : !cursor.Skip(length)) {
      return false;
    }
  }
  return cursor.position() == end;
}

// A `SubscribeResponse` that ends at `end`.
bool TakeDelivery(Cursor& cursor, std::size_t end, Delivery& delivery) {
  while (cursor.position() < end) {
    int number = 0;
    std::size_t length = 0;
    if (!cursor.Field(&number, &length)) return false;
    if (number == kStarted) delivery.started = true;
    const bool taken = number == kBatch ? TakeBatch(cursor, cursor.position() + length, delivery)
                                        : cursor.Skip(length);
    if (!taken) return false;
  }
  return cursor.position() == end;
}

absl::Status ErrorOf(absl::string_view result) {
  v1::PublishResult parsed;
  if (!parsed.ParseFromArray(result.data(), static_cast<int>(result.size()))) {
    return absl::DataLossError("not a PublishResult");
  }
  return absl::AbortedError(absl::StrCat("not published: ", parsed.error().message()));
}

absl::Status ErrorIn(const std::string& acknowledged) {
  v1::AcknowledgeResponse response;
  if (!response.ParseFromString(acknowledged)) {
    return absl::DataLossError("not an AcknowledgeResponse");
  }
  if (response.errors().empty()) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("not settled: ", response.errors(0).message()));
}

absl::string_view BytesOf(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// Of a `ReceivedEvent`; empty where it has none.
absl::string_view TokenOf(absl::string_view event) {
  wire::WireReader reader(event);
  wire::WireField field;
  while (reader.Next(&field)) {
    if (field.number == kEventToken) return field.bytes;
  }
  return "";
}

}  // namespace

absl::StatusOr<Delivery> CountDelivered(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok()) return absl::DataLossError("no bytes");
  Cursor cursor(slices);
  Delivery delivery;
  if (TakeDelivery(cursor, response.Length(), delivery)) return delivery;
  return absl::DataLossError("not a SubscribeResponse");
}

absl::StatusOr<Delivery> CountConsumed(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok()) return absl::DataLossError("no bytes");
  Cursor cursor(slices);
  Delivery delivery;
  int number = 0;
  std::size_t length = 0;
  const bool message = cursor.Field(&number, &length);
  if (message && number == kDelivery && cursor.position() + length == response.Length() &&
      TakeDelivery(cursor, response.Length(), delivery)) {
    return delivery;
  }
  std::string answer;
  if (!message || number != kAcknowledged || !cursor.Read(length, &answer)) {
    return absl::DataLossError("not a ConsumeResponse");
  }
  if (absl::Status error = ErrorIn(answer); !error.ok()) return error;
  delivery.acknowledged = true;
  return delivery;
}

absl::StatusOr<std::vector<std::string>> EventTokens(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return absl::DataLossError("no bytes");
  std::vector<std::string> tokens;
  wire::WireReader message(BytesOf(slice));
  wire::WireField batch;
  while (message.Next(&batch)) {
    wire::WireReader reader(batch.number == kBatch ? batch.bytes : "");
    wire::WireField event;
    while (reader.Next(&event)) {
      if (event.number == kEvents) tokens.emplace_back(TokenOf(event.bytes));
    }
  }
  if (message.fault() != wire::WireFault::kNone) return absl::DataLossError("cut off");
  return tokens;
}

absl::Status CheckAcknowledged(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return absl::DataLossError("no bytes");
  return ErrorIn(std::string(BytesOf(slice)));
}

absl::StatusOr<std::int64_t> CountPublished(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return absl::DataLossError("no bytes");
  wire::WireReader reader(BytesOf(slice));
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
