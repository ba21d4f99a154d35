// The whole server in this process, on the embedded Kafka.
#include "server/app/server.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "eventbus/schema/v1/annotations.pb.h"
#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"

namespace eventbus::app {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kAtOnce = 256;

std::string Uuid(int n) { return absl::StrFormat("00000000-0000-4000-8000-%012d", n); }

bool IsUuid(const FieldDescriptor& field) {
  return field.options().GetExtension(schema::v1::rules).uuid();
}

// A value for every field that has one; `n` is in the UUIDs.
void Fill(Message& message, int n) {
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.is_repeated() || field.name() == "extra_json") continue;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        reflection.SetString(&message, &field, IsUuid(field) ? Uuid(n) : "caf\u00e9 \"7\"");
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        reflection.SetInt64(&message, &field, 9'007'199'254'740'993 + n);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        reflection.SetDouble(&message, &field, 85.5);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        reflection.SetBool(&message, &field, true);
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        Message& value = *reflection.MutableMessage(&message, &field);
        if (field.message_type()->file()->package() != "google.protobuf") Fill(value, n);
        break;
      }
      default:
        break;
    }
  }
}

// One event of every type in the schema, each with an event_id of its own.
std::vector<events::v1::Event> AllTypes() {
  std::vector<events::v1::Event> events;
  const auto& families = *events::v1::Event::descriptor();
  for (int i = 0; i < families.field_count(); ++i) {
    const auto* type = families.field(i)->message_type()->FindFieldByName("event_type");
    for (int value = 1; value < type->enum_type()->value_count(); ++value) {
      events::v1::Event event;
      Message& family = *event.GetReflection()->MutableMessage(&event, families.field(i));
      Fill(family, static_cast<int>(events.size()) + 1);
      family.GetReflection()->SetEnumValue(&family, type,
                                           type->enum_type()->value(value)->number());
      events.push_back(std::move(event));
    }
  }
  return events;
}

events::v1::Event Document(int n) {
  events::v1::Event event;
  Fill(*event.mutable_document(), n);
  event.mutable_document()->set_event_type(events::v1::DOCUMENT_EVENT_TYPE_UPLOADED);
  return event;
}

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return "";
  google::rpc::ErrorInfo info;
  for (const auto& any : rich.details()) {
    if (any.UnpackTo(&info)) return info.reason();
  }
  return "";
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

v1::SubscribeRequest EarliestTail() {
  v1::SubscribeRequest request;
  request.mutable_tail()->mutable_start()->mutable_earliest();
  return request;
}

class ServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // As main does.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  }

  void SetUp() override {
    Options options;
    options.listen = {"127.0.0.1:0"};
    options.embedded_kafka = true;
    auto server = Server::Start(options, *events::v1::Event::descriptor()->file()->pool());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(server_->addresses().at(0), grpc::InsecureChannelCredentials());
    stub_ = v1::EventBusService::NewStub(channel_);
    while (Health("") != "\x08\x01") std::this_thread::yield();  // Ends by the test's time limit.
  }

  void TearDown() override {
    stub_ = nullptr;
    channel_ = nullptr;
    server_ = nullptr;
  }

  // The HealthCheckResponse in bytes: field 1 is the status.
  std::string Health(const std::string& service) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    const grpc::ByteBuffer request = ToBuffer(absl::StrCat("\x0a", Length(service), service));
    grpc::ByteBuffer response;
    absl::Notification done;
    grpc::Status status;
    stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                   [&](const grpc::Status& said) {
                     status = said;
                     done.Notify();
                   });
    done.WaitForNotification();
    return status.ok() ? ToString(response) : status.error_message();
  }

  static std::string Length(const std::string& text) { return {static_cast<char>(text.size())}; }

  grpc::Status Publish(const events::v1::Event& event, v1::PublishResponse* response) {
    grpc::ClientContext context;
    v1::PublishRequest request;
    *request.mutable_event() = event;
    return stub_->Publish(&context, request, response);
  }

  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::EventBusService::Stub> stub_;
};

TEST_F(ServerTest, EveryTypeGoesInTypedAndComesOutTheSame) {
  const std::vector<events::v1::Event> published = AllTypes();
  ASSERT_THAT(published, SizeIs(19));
  std::map<std::string, const events::v1::Event*> expected;
  for (const events::v1::Event& event : published) {
    v1::PublishResponse response;
    const grpc::Status status = Publish(event, &response);
    ASSERT_TRUE(status.ok()) << status.error_message() << event.DebugString();
    expected[response.event_id()] = &event;
  }
  grpc::ClientContext context;
  v1::SubscribeRequest request = EarliestTail();
  request.set_stop_at_end(true);
  const auto reader = stub_->Subscribe(&context, request);
  v1::SubscribeResponse message;
  std::set<std::string> types;
  while (reader->Read(&message)) {
    for (const v1::ReceivedEvent& received : message.batch().events()) {
      ASSERT_TRUE(expected.contains(received.event_id())) << received.DebugString();
      EXPECT_TRUE(MessageDifferencer::Equals(received.event(), *expected[received.event_id()]))
          << received.event().DebugString() << expected[received.event_id()]->DebugString();
      types.insert(received.event_type());
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(types, SizeIs(19));
}

// One read: the embedded Kafka takes seconds for each join.
TEST_F(ServerTest, AGroupGetsEachEventOnce) {
  std::set<std::string> published;
  for (const events::v1::Event& event : AllTypes()) {
    v1::PublishResponse response;
    const grpc::Status status = Publish(event, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    published.insert(response.event_id());
  }
  v1::SubscribeRequest request;
  request.mutable_group()->set_id("the-group");
  request.mutable_group()->set_ack_mode(v1::ACK_MODE_AUTO);
  request.set_stop_at_end(true);
  grpc::ClientContext context;
  const auto reader = stub_->Subscribe(&context, request);
  std::vector<std::string> received;
  v1::SubscribeResponse message;
  while (reader->Read(&message)) {
    for (const v1::ReceivedEvent& event : message.batch().events()) {
      received.push_back(event.event_id());
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(received, ::testing::UnorderedElementsAreArray(published));
}

TEST_F(ServerTest, IsHealthyByName) {
  EXPECT_EQ(Health(v1::EventBusService::service_full_name()), "\x08\x01");
  EXPECT_THAT(Health("no.such.Service"), ::testing::Not(HasSubstr("\x08\x01")));
}

// Sends one request, and keeps the answer to it.
class ReflectionCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit ReflectionCall(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {
    stub_.PrepareBidiStreamingCall(
        &context_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", {}, this);
    StartRead(&answer_);
    StartWriteLast(&request_, {});
    StartCall();
    done_.WaitForNotification();
  }

  std::string answer() const { return ToString(answer_); }

 private:
  void OnDone(const grpc::Status&) override { done_.Notify(); }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  const grpc::ByteBuffer request_ = ToBuffer(std::string("\x3a\0", 2));  // list_services: ""
  grpc::ByteBuffer answer_;
  absl::Notification done_;
};

TEST_F(ServerTest, ReflectionListsItsServices) {
  EXPECT_THAT(ReflectionCall(channel_).answer(),
              AllOf(HasSubstr("eventbus.v1.EventBusService"), HasSubstr("grpc.health.v1.Health")));
}

TEST_F(ServerTest, ADrainSaysGoodbyeToStreams) {
  grpc::ClientContext context;
  const auto reader = stub_->Subscribe(&context, EarliestTail());
  v1::SubscribeResponse message;
  ASSERT_TRUE(reader->Read(&message));
  ASSERT_TRUE(message.has_started());
  std::vector<int> kinds;
  std::thread drain([this] { EXPECT_TRUE(server_->Drain()); });
  while (reader->Read(&message)) kinds.push_back(message.message_case());
  const grpc::Status status = reader->Finish();
  drain.join();
  if (!kinds.empty() && kinds[0] == v1::SubscribeResponse::kCaughtUp) kinds.erase(kinds.begin());
  EXPECT_THAT(kinds,
              ElementsAre(v1::SubscribeResponse::kDraining, v1::SubscribeResponse::kHeartbeat));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SERVER_DRAINING");
}

TEST_F(ServerTest, ADrainEndsPublishStreamsWithTheirAnswers) {
  using Stream = grpc::ClientReaderWriter<v1::PublishStreamRequest, v1::PublishStreamResponse>;
  grpc::ClientContext idle_context;
  const std::unique_ptr<Stream> idle = stub_->PublishStream(&idle_context);
  grpc::ClientContext context;
  const std::unique_ptr<Stream> busy = stub_->PublishStream(&context);
  std::thread sender([&busy] {
    v1::PublishStreamRequest message;
    for (int i = 0; i < 10; ++i) *message.add_requests()->mutable_event() = Document(i);
    while (busy->Write(message)) {
    }
  });
  v1::PublishStreamResponse response;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(busy->Read(&response));
  std::thread drain([this] { EXPECT_TRUE(server_->Drain()); });
  bool refused = false;
  while (busy->Read(&response)) {
    ASSERT_THAT(response.results(), SizeIs(10));
    for (const v1::PublishResult& result : response.results()) {
      // Nothing is handed on once the drain has been heard of.
      EXPECT_TRUE(!refused || result.has_error());
      refused = result.has_error();
      EXPECT_TRUE(!refused || result.error().reason() == v1::ERROR_REASON_SERVER_DRAINING);
    }
  }
  sender.join();
  EXPECT_EQ(ReasonOf(busy->Finish()), "SERVER_DRAINING");
  EXPECT_FALSE(idle->Read(&response));
  EXPECT_EQ(ReasonOf(idle->Finish()), "SERVER_DRAINING");
  drain.join();
}

// A subscriber that goes away after its first message, or before.
class Passer final : public grpc::ClientReadReactor<v1::SubscribeResponse> {
 public:
  Passer(v1::EventBusService::Stub& stub, bool wait, absl::BlockingCounter& left)
      : wait_(wait), left_(left) {
    stub.async()->Subscribe(&context_, &request_, this);
    StartRead(&message_);
    StartCall();
    if (!wait_) context_.TryCancel();
  }

 private:
  void OnReadDone(bool) override {
    if (wait_) context_.TryCancel();
  }
  void OnDone(const grpc::Status&) override { left_.DecrementCount(); }

  const bool wait_;
  absl::BlockingCounter& left_;
  grpc::ClientContext context_;
  const v1::SubscribeRequest request_ = EarliestTail();
  v1::SubscribeResponse message_;
};

// One call of Publish; every fourth is cancelled as soon as it is made.
struct Call {
  grpc::ClientContext context;
  v1::PublishRequest request;
  v1::PublishResponse response;
  grpc::Status status;
};

TEST_F(ServerTest, OutlivesAStormOfCallsThatAreCancelled) {
  std::vector<Call> calls(kAtOnce);
  std::vector<std::unique_ptr<Passer>> passers;
  absl::BlockingCounter left(kAtOnce + kAtOnce / 4);
  for (int i = 0; i < kAtOnce; ++i) {
    Call& call = calls[static_cast<std::size_t>(i)];
    *call.request.mutable_event() = Document(i + 1);
    stub_->async()->Publish(&call.context, &call.request, &call.response,
                            [&call, &left](grpc::Status status) {
                              call.status = std::move(status);
                              left.DecrementCount();
                            });
    if (i % 4 == 1) call.context.TryCancel();
    if (i % 4 == 3) passers.push_back(std::make_unique<Passer>(*stub_, i % 8 == 3, left));
  }
  left.Wait();

  std::set<std::string> published;
  for (int i = 0; i < kAtOnce; ++i) {
    const Call& call = calls[static_cast<std::size_t>(i)];
    if (call.status.ok()) published.insert(call.response.event_id());
    const bool cancelled = i % 4 == 1;
    EXPECT_TRUE(cancelled || call.status.ok()) << call.status.error_message();
  }
  grpc::ClientContext context;
  v1::SubscribeRequest request = EarliestTail();
  request.set_stop_at_end(true);
  const auto reader = stub_->Subscribe(&context, request);
  std::multiset<std::string> found;
  v1::SubscribeResponse message;
  while (reader->Read(&message)) {
    for (const auto& event : message.batch().events()) found.insert(event.event_id());
  }
  EXPECT_TRUE(reader->Finish().ok());
  for (const std::string& event_id : published) EXPECT_EQ(found.count(event_id), 1u) << event_id;
  EXPECT_TRUE(server_->Drain());
}

TEST_F(ServerTest, ADrainUnderLoadAnswersEveryCall) {
  std::vector<Call> calls(kAtOnce);
  absl::BlockingCounter left(kAtOnce);
  std::atomic<int> answered{0};
  for (int i = 0; i < kAtOnce; ++i) {
    Call& call = calls[static_cast<std::size_t>(i)];
    *call.request.mutable_event() = Document(i + 1);
    stub_->async()->Publish(&call.context, &call.request, &call.response, [&](grpc::Status status) {
      call.status = std::move(status);
      ++answered;
      left.DecrementCount();
    });
  }
  while (answered == 0) std::this_thread::yield();
  EXPECT_TRUE(server_->Drain());
  left.Wait();
  std::vector<std::string> reasons;
  for (const Call& call : calls) {
    if (call.status.ok()) continue;
    EXPECT_EQ(call.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    reasons.push_back(ReasonOf(call.status));
  }
  EXPECT_THAT(reasons, Each("SERVER_DRAINING"));
}

}  // namespace
}  // namespace eventbus::app
