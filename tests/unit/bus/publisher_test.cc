#include "server/bus/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/types/optional.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "server/event/validate.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kId[] = "d23f0824-128b-4f33-8c5c-7fd0a6a3a450";

v1::PublishRequest DocumentRequest() {
  v1::PublishRequest request;
  auto& document = *request.mutable_event()->mutable_document();
  document.set_event_type(events::v1::DOCUMENT_EVENT_TYPE_UPLOADED);
  document.set_document_id(kId);
  document.set_classroom_id(kId);
  document.set_user_id(kId);
  return request;
}

class PublisherTest : public testing::Test {
 protected:
  void Publish(const v1::PublishRequest& request, absl::string_view traceparent = "") {
    PublishBytes(request.SerializeAsString(), traceparent);
  }
  void PublishBytes(absl::string_view request, absl::string_view traceparent = "") {
    publisher_.Publish(request, traceparent,
                       [this](absl::StatusOr<Published> result) { result_ = std::move(result); });
  }
  ErrorReason reason() const { return GetErrorDetails(result_->status()).reason; }

  fakes::ManualClock clock_;
  fakes::FakeKafka kafka_;
  Publisher publisher_{*fakes::Schema::Get().plan, kafka_, clock_, PublisherOptions()};
  absl::optional<absl::StatusOr<Published>> result_;
};

TEST_F(PublisherTest, AnswersOnlyOnTheDeliveryReport) {
  kafka_.HoldDeliveries();
  Publish(DocumentRequest());
  EXPECT_FALSE(result_.has_value());
  kafka_.Deliver(kafka::Position{2, 41});
  ASSERT_TRUE(result_.has_value());
  ASSERT_TRUE(result_->ok());
  EXPECT_EQ((*result_)->topic, "document-events");
  EXPECT_EQ((*result_)->partition, 2);
  EXPECT_EQ((*result_)->offset, 41);
}

TEST_F(PublisherTest, WritesTheDocumentedJsonUnderTheSchemasKey) {
  Publish(DocumentRequest());
  const auto record = kafka_.produced().at(0);
  EXPECT_EQ(record.topic, "document-events");
  EXPECT_EQ(record.key, kId);
  EXPECT_EQ(record.value, "{\"event_id\":\"" + (*result_)->event_id +
                              "\",\"event_type\":\"document.uploaded\",\"timestamp\":"
                              "\"2023-11-14T22:13:20Z\",\"document_id\":\"" +
                              std::string(kId) + "\",\"classroom_id\":\"" + kId +
                              "\",\"user_id\":\"" + kId + "\",\"payload\":{}}");
}

TEST_F(PublisherTest, AssignsAFreshEventId) {
  Publish(DocumentRequest());
  const std::string first = (*result_)->event_id;
  Publish(DocumentRequest());
  EXPECT_TRUE(event::IsUuid(first));
  EXPECT_NE((*result_)->event_id, first);
}

TEST_F(PublisherTest, JsonIsRoutedByItsTypeAndWrittenLikeATypedEvent) {
  v1::PublishRequest request;
  request.set_json(fakes::DocumentJson(7, "document.indexed"));
  Publish(request);
  ASSERT_TRUE(result_->ok()) << result_->status();
  EXPECT_EQ(kafka_.produced().at(0).topic, "document-events");
  EXPECT_EQ(kafka_.produced().at(0).value, fakes::DocumentJson(7, "document.indexed"));
}

TEST_F(PublisherTest, TheOrderingKeyTakesTheKeysPlace) {
  v1::PublishRequest request = DocumentRequest();
  request.set_ordering_key("mine");
  Publish(request);
  EXPECT_EQ(kafka_.produced().at(0).key, "mine");
}

TEST_F(PublisherTest, AddsTheContentTypeAndTheTraceparent) {
  Publish(DocumentRequest(), "00-abc-def-01");
  const auto headers = kafka_.produced().at(0).headers;
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers[0].key, "content-type");
  EXPECT_EQ(headers[0].value, "application/json");
  EXPECT_EQ(headers[1].key, "traceparent");
  EXPECT_EQ(headers[1].value, "00-abc-def-01");
}

TEST_F(PublisherTest, ARequestsHeaderOfTheSameNameWins) {
  v1::PublishRequest request = DocumentRequest();
  auto& header = *request.add_headers();
  header.set_key("Traceparent");
  header.set_value("mine");
  Publish(request, "the call's");
  const auto headers = kafka_.produced().at(0).headers;
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers[1].key, "Traceparent");
  EXPECT_EQ(headers[1].value, "mine");
}

TEST_F(PublisherTest, AnInvalidEventIsNotProduced) {
  v1::PublishRequest request = DocumentRequest();
  request.mutable_event()->mutable_document()->set_document_id("7");
  request.mutable_event()->mutable_document()->clear_user_id();
  Publish(request);
  const ErrorDetails details = GetErrorDetails(result_->status());
  EXPECT_EQ(details.reason, v1::ERROR_REASON_EVENT_INVALID);
  ASSERT_EQ(details.violations.size(), 2u);
  EXPECT_EQ(details.violations[0].field, "event.document.document_id");
  EXPECT_EQ(details.violations[1].field, "event.document.user_id");
  EXPECT_TRUE(kafka_.produced().empty());
}

TEST_F(PublisherTest, ARequestWithoutContentIsRefused) {
  Publish(v1::PublishRequest());
  EXPECT_EQ(reason(), v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_THAT(std::string(result_->status().message()),
              StartsWith("content: not set, event or json is required"));
}

TEST_F(PublisherTest, BytesThatAreNotProtobufAreRefused) {
  PublishBytes("\x0a\x7fhello");
  EXPECT_EQ(reason(), v1::ERROR_REASON_REQUEST_INVALID);
}

TEST_F(PublisherTest, AFieldThatIsNotKnownIsRefused) {
  PublishBytes(DocumentRequest().SerializeAsString() + "\x92\x03\x01x");  // Field 50.
  EXPECT_EQ(reason(), v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_THAT(std::string(result_->status().message()), HasSubstr("field 50"));
}

TEST_F(PublisherTest, AFullQueueIsItsErrorAndNothingIsKept) {
  kafka_.SetProduceError(MakeError(v1::ERROR_REASON_PUBLISH_QUEUE_FULL, "full"));
  Publish(DocumentRequest());
  EXPECT_EQ(reason(), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
  EXPECT_TRUE(kafka_.produced().empty());
}

TEST_F(PublisherTest, AFailedDeliveryIsItsError) {
  kafka_.HoldDeliveries();
  Publish(DocumentRequest());
  kafka_.Deliver(MakeError(v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN, "perhaps"));
  EXPECT_EQ(reason(), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
}

TEST_F(PublisherTest, WhileDrainingEverythingIsRefusedWithATimeToRetry) {
  publisher_.Drain();
  Publish(DocumentRequest());
  EXPECT_EQ(reason(), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_TRUE(GetErrorDetails(result_->status()).retry_delay.has_value());
  EXPECT_TRUE(kafka_.produced().empty());
}

TEST_F(PublisherTest, AnEventOverTheLimitIsRefused) {
  v1::PublishRequest request = DocumentRequest();
  request.mutable_event()->mutable_document()->mutable_payload()->set_filename(
      std::string(1'000'001, 'x'));
  Publish(request);
  EXPECT_EQ(reason(), v1::ERROR_REASON_EVENT_TOO_LARGE);
}

}  // namespace
}  // namespace eventbus::bus
