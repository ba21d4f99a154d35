// A tour of the event bus with nothing but the generated stub: subscribes, publishes one event of
// each topic, and prints each as it comes back.
//
//   eventbus-tour [--address HOST:PORT]
//
// Exits with 0 once all five have come back, and with 1 and the reason if they have not after 30 s.

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "eventbus/v1/event_bus_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"

namespace {

namespace events = eventbus::events::v1;
namespace v1 = eventbus::v1;
using Clock = std::chrono::system_clock;

constexpr char kUsage[] = "usage: eventbus-tour [--address HOST:PORT]\n";
constexpr std::chrono::milliseconds kPause(200);

// Ids are UUIDs; these are made up.
constexpr char kDocument[] = "0b6f4f3e-8c0e-4d4f-9d55-5a4c7a1f3c01";
constexpr char kMeeting[] = "0b6f4f3e-8c0e-4d4f-9d55-5a4c7a1f3c02";
constexpr char kTutorSession[] = "0b6f4f3e-8c0e-4d4f-9d55-5a4c7a1f3c03";
constexpr char kExamSession[] = "0b6f4f3e-8c0e-4d4f-9d55-5a4c7a1f3c04";
constexpr char kClassroom[] = "0b6f4f3e-8c0e-4d4f-9d55-5a4c7a1f3c05";
constexpr char kUser[] = "0b6f4f3e-8c0e-4d4f-9d55-5a4c7a1f3c06";

// What is required is set; event_id and timestamp are the server's to assign.
events::Event DocumentUploaded() {
  events::Event event;
  auto& document = *event.mutable_document();
  document.set_event_type(events::DOCUMENT_EVENT_TYPE_UPLOADED);
  document.set_document_id(kDocument);
  document.set_classroom_id(kClassroom);
  document.set_user_id(kUser);
  document.mutable_payload()->set_filename("notes.pdf");
  document.mutable_payload()->set_file_size(1024000);
  document.mutable_payload()->set_status("uploaded");
  return event;
}

events::Event ParticipantJoined() {
  events::Event event;
  auto& meeting = *event.mutable_meeting();
  meeting.set_event_type(events::MEETING_EVENT_TYPE_PARTICIPANT_JOINED);
  meeting.set_meeting_id(kMeeting);
  meeting.mutable_payload()->set_participant_id(kUser);
  meeting.mutable_payload()->set_participant_name("John Doe");
  return event;
}

events::Event QueryAnswered() {
  events::Event event;
  auto& query = *event.mutable_tutor_query();
  query.set_event_type(events::TUTOR_QUERY_EVENT_TYPE_ANSWERED);
  query.set_session_id(kTutorSession);
  query.set_user_id(kUser);
  query.mutable_payload()->set_question("What is photosynthesis?");
  query.mutable_payload()->set_answer_latency_ms(1250);
  query.mutable_payload()->set_sources_count(3);
  query.mutable_payload()->set_related_to_previous(true);
  return event;
}

events::Event ExamGraded() {
  events::Event event;
  auto& assessment = *event.mutable_assessment();
  assessment.set_event_type(events::ASSESSMENT_EVENT_TYPE_EXAM_GRADED);
  assessment.set_exam_session_id(kExamSession);
  assessment.set_user_id(kUser);
  assessment.mutable_payload()->set_score(85.5);
  return event;
}

events::Event PageViewed() {
  events::Event event;
  auto& analytics = *event.mutable_analytics();
  analytics.set_event_type(events::ANALYTICS_EVENT_TYPE_PAGE_VIEW);
  analytics.set_user_id(kUser);
  analytics.mutable_payload()->set_page("/dashboard");
  analytics.mutable_payload()->set_duration_ms(5000);
  auto& metadata = *analytics.mutable_payload()->mutable_metadata()->mutable_fields();
  metadata["theme"].set_string_value("dark");
  return event;
}

// A few words from the typed event.
std::string Describe(const events::Event& event) {
  switch (event.family_case()) {
    case events::Event::kDocument:
      return event.document().payload().filename() + ", " +
             std::to_string(event.document().payload().file_size()) + " bytes";
    case events::Event::kMeeting:
      return event.meeting().payload().participant_name();
    case events::Event::kTutorQuery:
      return event.tutor_query().payload().question();
    case events::Event::kAssessment:
      return "score " + std::to_string(event.assessment().payload().score());
    case events::Event::kAnalytics:
      return event.analytics().payload().page() + " for " +
             std::to_string(event.analytics().payload().duration_ms()) + " ms";
    case events::Event::FAMILY_NOT_SET:
      break;
  }
  return "a family that this program was built without";
}

// Not thread-safe.
class Tour {
 public:
  Tour(const std::shared_ptr<grpc::Channel>& channel, Clock::time_point deadline)
      : stub_(v1::EventBusService::NewStub(channel)), deadline_(deadline) {}

  grpc::Status Run() {
    grpc::Status status = Retry([this] { return Subscribe(); });
    for (const events::Event& event :
         {DocumentUploaded(), ParticipantJoined(), QueryAnswered(), ExamGraded(), PageViewed()}) {
      if (!status.ok()) return status;
      status = Retry([this, &event] { return Publish(event); });
    }
    return status.ok() ? Receive() : status;
  }

 private:
  // The server listens before Kafka is there. UNAVAILABLE means that nothing was done: try again.
  grpc::Status Retry(const std::function<grpc::Status()>& call) const {
    grpc::Status status = call();
    while (status.error_code() == grpc::StatusCode::UNAVAILABLE && Clock::now() < deadline_) {
      std::this_thread::sleep_for(kPause);
      status = call();
    }
    return status;
  }

  // Opens the stream and reads up to `Started`: what is published from then on comes back.
  grpc::Status Subscribe() {
    v1::SubscribeRequest request;
    request.mutable_tail()->mutable_start()->mutable_latest();
    request.set_client_id("tour");
    request.set_include_json(true);
    stream_context_ = NewContext();
    stream_ = stub_->Subscribe(stream_context_.get(), request);
    v1::SubscribeResponse response;
    while (stream_->Read(&response)) {
      if (response.has_started()) return grpc::Status::OK;
    }
    return stream_->Finish();
  }

  grpc::Status Publish(const events::Event& event) {
    v1::PublishRequest request;
    *request.mutable_event() = event;
    v1::PublishResponse response;
    const grpc::Status status = stub_->Publish(NewContext().get(), request, &response);
    if (!status.ok()) return status;
    std::cout << "published  " << response.topic() << '[' << response.partition() << "] at "
              << response.offset() << ", event_id " << response.event_id() << std::endl;
    awaited_.insert(response.event_id());
    return status;
  }

  // Reads until everything published has come back, then ends the stream.
  grpc::Status Receive() {
    v1::SubscribeResponse response;
    while (!awaited_.empty() && stream_->Read(&response)) {
      for (const v1::ReceivedEvent& received : response.batch().events()) Print(received);
    }
    stream_context_->TryCancel();
    const grpc::Status end = stream_->Finish();
    return awaited_.empty() ? grpc::Status::OK : end;
  }

  // Others may publish too; their events are not ours to show.
  void Print(const v1::ReceivedEvent& received) {
    if (awaited_.erase(received.event_id()) == 0) return;
    std::cout << "received   " << received.topic() << '[' << received.partition() << "] at "
              << received.offset() << ", " << received.event_type() << ": "
              << Describe(received.event()) << "\n           " << received.json() << std::endl;
  }

  std::unique_ptr<grpc::ClientContext> NewContext() const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(deadline_);
    context->set_wait_for_ready(true);
    return context;
  }

  const std::unique_ptr<v1::EventBusService::Stub> stub_;
  const Clock::time_point deadline_;
  std::unique_ptr<grpc::ClientContext> stream_context_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> stream_;
  std::set<std::string> awaited_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string address = "127.0.0.1:50051";
  if (arguments.size() == 2 && arguments[0] == "--address") {
    address = arguments[1];
  } else if (!arguments.empty()) {
    std::cerr << kUsage;
    return 2;
  }

  Tour tour(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()),
            Clock::now() + std::chrono::seconds(30));
  const grpc::Status status = tour.Run();
  if (!status.ok()) {
    std::cerr << "eventbus-tour: " << address << ": status " << status.error_code() << ": "
              << status.error_message() << '\n';
    return 1;
  }
  return 0;
}
