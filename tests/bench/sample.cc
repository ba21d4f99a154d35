#include "tests/bench/sample.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "google/protobuf/util/time_util.h"

namespace eventbus::bench {
namespace {

namespace events = eventbus::events::v1;

constexpr int kSamples = 96;
constexpr int kBatches = 4;
constexpr char kEventId[] = "6513270e-269e-4d37-b2a7-4de452e6b438";
constexpr char kTimestamp[] = "2024-01-01T10:00:00.123Z";
constexpr char kClassroomId[] = "9531985d-5d9d-49f8-9818-e811892f902b";
constexpr char kUserId[] = "36f675cc-81e7-4ef5-a8e2-5d940ed90475";

std::string Json(const std::string& document_id) {
  return absl::StrCat(R"({"event_id":")", kEventId, R"(","event_type":"document.uploaded",)",
                      R"("timestamp":")", kTimestamp, R"(","document_id":")", document_id,
                      R"(","classroom_id":")", kClassroomId, R"(","user_id":")", kUserId,
                      R"(","payload":{"filename":"notes.pdf","file_size":1024000,)",
                      R"("status":"uploaded"}})");
}

v1::PublishRequest Request(const std::string& document_id) {
  v1::PublishRequest request;
  events::DocumentEvent& document = *request.mutable_event()->mutable_document();
  document.set_event_id(kEventId);
  document.set_event_type(events::DOCUMENT_EVENT_TYPE_UPLOADED);
  google::protobuf::util::TimeUtil::FromString(kTimestamp, document.mutable_timestamp());
  document.set_document_id(document_id);
  document.set_classroom_id(kClassroomId);
  document.set_user_id(kUserId);
  document.mutable_payload()->set_filename("notes.pdf");
  document.mutable_payload()->set_file_size(1024000);
  document.mutable_payload()->set_status("uploaded");
  return request;
}

std::vector<Sample> MakeSamples() {
  std::vector<Sample> samples;
  for (int i = 0; i < kSamples; ++i) {
    const std::string id = absl::StrFormat("d23f0824-128b-4f33-8c5c-%012x", i);
    const v1::PublishRequest request = Request(id);
    samples.push_back({id, Json(id), request.SerializeAsString(), request.event().ByteSizeLong()});
  }
  return samples;
}

}  // namespace

const std::vector<Sample>& Samples() {
  static const auto& samples = *new std::vector<Sample>(MakeSamples());
  return samples;
}

std::vector<grpc::ByteBuffer> UnaryRequests() {
  std::vector<grpc::ByteBuffer> requests;
  for (const Sample& sample : Samples()) requests.push_back(ToByteBuffer(sample.request));
  return requests;
}

std::vector<grpc::ByteBuffer> BatchRequests(int events) {
  // One event a message: each sample has its turn.
  const int messages = std::max(kBatches, kSamples / events);
  std::vector<grpc::ByteBuffer> requests;
  std::size_t next = 0;
  for (int i = 0; i < messages; ++i) {
    v1::PublishBatchRequest batch;
    for (int j = 0; j < events; ++j) {
      batch.add_requests()->ParseFromString(Samples()[next++ % Samples().size()].request);
    }
    requests.push_back(ToByteBuffer(batch.SerializeAsString()));
  }
  return requests;
}

grpc::ByteBuffer ToByteBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace eventbus::bench
