// One event of about 350 bytes of JSON, each way: the codec, protobuf's own JSON, and the
// reference.
//
//   build/release/bench/codec_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only
#include <memory>
#include <string>

#include "benchmark/benchmark.h"
#include "eventbus/events/v1/event.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/wire/decode.h"
#include "server/wire/encode.h"
#include "server/wire/plan.h"
#include "tests/reference/decode.h"
#include "tests/reference/encode.h"
#include "tests/reference/events.h"

namespace eventbus::wire {
namespace {

namespace pb = google::protobuf;

constexpr char kDocument[] =
    R"({"event_id":"6513270e-269e-4d37-b2a7-4de452e6b438","event_type":"document.uploaded",)"
    R"("timestamp":"2024-01-01T10:00:00.123Z","document_id":"d23f0824-128b-4f33-8c5c-7fd0a6a3a450",)"
    R"("classroom_id":"9531985d-5d9d-49f8-9818-e811892f902b",)"
    R"("user_id":"36f675cc-81e7-4ef5-a8e2-5d940ed90475",)"
    R"("payload":{"filename":"notes.pdf","file_size":1024000,"status":"uploaded"}})";

constexpr char kAnalytics[] =
    R"({"event_id":"a7abe1c2-9e1a-4ef4-b341-e07a83f73f16","event_type":"page.view",)"
    R"("timestamp":"2024-01-01T10:00:00Z","user_id":"74e69a5d-0dd2-4a65-bd62-8881ad1b72db",)"
    R"("payload":{"page":"/dashboard","duration_ms":5000,"metadata":{"browser":"Firefox",)"
    R"("width":1280,"ratio":1.5,"tags":["a","b","c"],"screen":{"dark":true,"zoom":0.9}}}})";

const reference::Schema& Schema() { return reference::DocumentedSchema(); }

const Plan& ThePlan() {
  static const Plan& plan = *Plan::Compile(Schema().catalog()).value().release();
  return plan;
}

const FamilyPlan& FamilyOf(const std::string& topic) { return *ThePlan().FindByTopic(topic); }

std::string BytesOf(const std::string& topic, const std::string& json) {
  return std::get<Decoded>(Decode(ThePlan(), FamilyOf(topic), absl::string_view(json))).event;
}

std::string NewEventId() { return "00000000-0000-4000-8000-000000000000"; }
absl::Time Now() { return absl::UnixEpoch(); }

void Encode(benchmark::State& state, const std::string& topic, const std::string& json,
            Rules rules) {
  const std::string bytes = BytesOf(topic, json);
  const EncodeOptions options = {rules, "event", 1'000'000, NewEventId, Now};
  for (auto _ : state) {
    auto encoded = EncodeEvent(ThePlan(), bytes, options);
    benchmark::DoNotOptimize(encoded);
    if (!encoded.ok()) state.SkipWithError(encoded.status().ToString().c_str());
  }
}

void EncodeFromJson(benchmark::State& state, const std::string& json) {
  const EncodeOptions options = {Rules::kPublish, "json", 1'000'000, NewEventId, Now};
  for (auto _ : state) {
    auto encoded = EncodeJson(ThePlan(), json, options);
    benchmark::DoNotOptimize(encoded);
    if (!encoded.ok()) state.SkipWithError(encoded.status().ToString().c_str());
  }
}

void DecodeJson(benchmark::State& state, const std::string& topic, const std::string& json) {
  const FamilyPlan& family = FamilyOf(topic);
  for (auto _ : state) {
    auto decoded = Decode(ThePlan(), family, absl::string_view(json));
    benchmark::DoNotOptimize(decoded);
  }
}

void ProtobufEncode(benchmark::State& state, const std::string& topic, const std::string& json) {
  const std::string bytes = BytesOf(topic, json);
  for (auto _ : state) {
    events::v1::Event event;
    event.ParseFromString(bytes);
    std::string out;
    const auto status = pb::util::MessageToJsonString(event, &out);
    benchmark::DoNotOptimize(out);
    if (!status.ok()) state.SkipWithError("not written");
  }
}

void ProtobufDecode(benchmark::State& state, const std::string& topic, const std::string& json) {
  events::v1::Event event;
  event.ParseFromString(BytesOf(topic, json));
  std::string text;
  const auto written = pb::util::MessageToJsonString(event, &text);
  if (!written.ok()) state.SkipWithError("not written");
  for (auto _ : state) {
    events::v1::Event read;
    const auto status = pb::util::JsonStringToMessage(text, &read);
    std::string out = read.SerializeAsString();
    benchmark::DoNotOptimize(out);
    if (!status.ok()) state.SkipWithError("not read");
  }
}

void ReferenceEncode(benchmark::State& state, const std::string& topic, const std::string& json) {
  const std::string bytes = BytesOf(topic, json);
  for (auto _ : state) {
    const auto event = Schema().Parse(bytes);
    auto encoded = reference::ReferenceEncode(Schema(), *event, {});
    benchmark::DoNotOptimize(encoded);
  }
}

void ReferenceDecode(benchmark::State& state, const std::string& topic, const std::string& json) {
  const event::Topic& of = Schema().topic(topic);
  for (auto _ : state) {
    auto decoded = reference::ReferenceDecode(Schema(), of, absl::string_view(json));
    std::string out = decoded.event->SerializeAsString();
    benchmark::DoNotOptimize(out);
  }
}

constexpr char kDocuments[] = "document-events";
constexpr char kAnalyticsTopic[] = "analytics-events";

BENCHMARK_CAPTURE(Encode, document, kDocuments, kDocument, Rules::kPublish);
BENCHMARK_CAPTURE(Encode, document_rewrite, kDocuments, kDocument, Rules::kRewrite);
BENCHMARK_CAPTURE(ProtobufEncode, document, kDocuments, kDocument);
BENCHMARK_CAPTURE(ReferenceEncode, document, kDocuments, kDocument);
BENCHMARK_CAPTURE(DecodeJson, document, kDocuments, kDocument);
BENCHMARK_CAPTURE(ProtobufDecode, document, kDocuments, kDocument);
BENCHMARK_CAPTURE(ReferenceDecode, document, kDocuments, kDocument);
BENCHMARK_CAPTURE(EncodeFromJson, document, kDocument);
BENCHMARK_CAPTURE(Encode, metadata, kAnalyticsTopic, kAnalytics, Rules::kPublish);
BENCHMARK_CAPTURE(ProtobufEncode, metadata, kAnalyticsTopic, kAnalytics);
BENCHMARK_CAPTURE(DecodeJson, metadata, kAnalyticsTopic, kAnalytics);
BENCHMARK_CAPTURE(ProtobufDecode, metadata, kAnalyticsTopic, kAnalytics);

}  // namespace
}  // namespace eventbus::wire
