#include "server/wire/publish_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"

namespace eventbus::wire {
namespace {

using testing::ElementsAre;

v1::PublishBatchRequest BatchOf(std::initializer_list<const char*> jsons) {
  v1::PublishBatchRequest batch;
  for (const char* json : jsons) batch.add_requests()->set_json(json);
  return batch;
}

ErrorDetails DetailsOf(absl::string_view bytes) {
  return GetErrorDetails(SplitPublishRequests(bytes).status());
}

TEST(SplitPublishRequestsTest, HandsOutTheRequestsBytesInTheirOrder) {
  const v1::PublishBatchRequest batch = BatchOf({"a", "", "c"});
  const std::string bytes = batch.SerializeAsString();
  const auto requests = SplitPublishRequests(bytes);
  ASSERT_TRUE(requests.ok());
  ASSERT_EQ(requests->size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((*requests)[static_cast<std::size_t>(i)], batch.requests(i).SerializeAsString());
  }
}

TEST(SplitPublishRequestsTest, ABatchAndAStreamsMessageAreWrittenAlike) {
  const std::string bytes = BatchOf({"a", "b"}).SerializeAsString();
  v1::PublishStreamRequest message;
  ASSERT_TRUE(message.ParseFromString(bytes));
  EXPECT_EQ(message.requests_size(), 2);
  EXPECT_EQ(message.SerializeAsString(), bytes);
}

TEST(SplitPublishRequestsTest, WhatIsBrokenInsideARequestIsNotItsMatter) {
  EXPECT_THAT(*SplitPublishRequests("\x0a\x02\xff\xff\x0a\x01\x0a"),
              ElementsAre("\xff\xff", "\x0a"));
}

TEST(SplitPublishRequestsTest, EveryCutInsideARequestIsRefused) {
  const std::string bytes = BatchOf({"a", "bc", std::string(200, 'd').c_str()}).SerializeAsString();
  int refused = 0;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);
    v1::PublishBatchRequest parsed;
    if (parsed.ParseFromString(part)) continue;  // Ends between two requests.
    const ErrorDetails details = DetailsOf(part);
    EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID) << size;
    EXPECT_EQ(details.violations.at(0),
              (FieldViolation{"request", "not a protobuf message: cut off inside a field"}));
    ++refused;
  }
  EXPECT_EQ(refused, static_cast<int>(bytes.size()) - 3);
}

TEST(SplitPublishRequestsTest, AnUnknownFieldIsRefused) {
  v1::PublishBatchRequest batch = BatchOf({"a"});
  batch.GetReflection()->MutableUnknownFields(&batch)->AddVarint(77, 1);
  const ErrorDetails details = DetailsOf(batch.SerializeAsString() + "\x0a\x01");
  EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);  // Broken counts for more.
  const ErrorDetails unknown = DetailsOf(batch.SerializeAsString());
  EXPECT_EQ(unknown.reason, v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_EQ(unknown.violations.at(0),
            (FieldViolation{"request", "field 77 is not known to this server"}));
  EXPECT_EQ(DetailsOf("\x08\x01").reason, v1::ERROR_REASON_UNKNOWN_FIELD);  // Of another type.
}

TEST(SplitPublishRequestsTest, OneToAThousandRequestsAreTaken) {
  v1::PublishBatchRequest batch;
  EXPECT_EQ(DetailsOf("").violations.at(0),
            (FieldViolation{"requests", "0 requests, 1 to 1000 are allowed"}));
  for (int i = 0; i < 1000; ++i) batch.add_requests();
  EXPECT_EQ(SplitPublishRequests(batch.SerializeAsString())->size(), 1000u);
  batch.add_requests();
  EXPECT_EQ(DetailsOf(batch.SerializeAsString()).reason, v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_EQ(DetailsOf(batch.SerializeAsString()).violations.at(0),
            (FieldViolation{"requests", "1001 requests, 1 to 1000 are allowed"}));
}

TEST(SplitPublishRequestsTest, FourMegabytesAreTaken) {
  v1::PublishBatchRequest batch;
  batch.add_requests()->set_json(std::string((4 << 20) - 10, ' '));
  ASSERT_EQ(batch.ByteSizeLong(), 4u << 20);
  EXPECT_TRUE(SplitPublishRequests(batch.SerializeAsString()).ok());
  batch.mutable_requests(0)->mutable_json()->push_back(' ');
  EXPECT_EQ(DetailsOf(batch.SerializeAsString()).violations.at(0),
            (FieldViolation{"request", "4194305 bytes, at most 4194304"}));
}

class PublishResultsTest : public testing::Test {
 protected:
  v1::PublishBatchResponse Parsed() {
    v1::PublishBatchResponse response;
    const std::string bytes = results_.Take();
    EXPECT_TRUE(response.ParseFromString(bytes));
    v1::PublishStreamResponse of_stream;
    EXPECT_TRUE(of_stream.ParseFromString(bytes));
    EXPECT_EQ(of_stream.results_size(), response.results_size());
    return response;
  }
  v1::PublishError ErrorOf(const absl::Status& status) {
    results_.AddError(status);
    return Parsed().results(0).error();
  }

  PublishResults results_;
};

TEST_F(PublishResultsTest, ArePublishResponsesAndErrorsInTheirOrder) {
  results_.AddPublished("id", "topic", 5, 1LL << 40);
  results_.AddError(MakeRetryError(v1::ERROR_REASON_SERVER_DRAINING, "later"));
  results_.AddPublished(std::string(300, 'i'), "topic", 0, -1);
  const v1::PublishBatchResponse response = Parsed();
  ASSERT_EQ(response.results_size(), 3);
  const v1::PublishResponse& first = response.results(0).published();
  EXPECT_EQ(first.event_id(), "id");
  EXPECT_EQ(first.topic(), "topic");
  EXPECT_EQ(first.partition(), 5);
  EXPECT_EQ(first.offset(), 1LL << 40);
  const v1::PublishError& error = response.results(1).error();
  EXPECT_EQ(error.reason(), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(error.message(), "later");
  EXPECT_EQ(error.retry_delay().seconds(), 2);
  EXPECT_EQ(error.field_violations_size(), 0);
  EXPECT_EQ(response.results(2).published().event_id().size(), 300u);
  EXPECT_EQ(response.results(2).published().offset(), -1);
}

TEST_F(PublishResultsTest, AnEventAtOffsetZeroIsStillPublished) {
  results_.AddPublished("", "", 0, 0);
  EXPECT_TRUE(Parsed().results(0).has_published());
}

TEST_F(PublishResultsTest, ARetryDelayKeepsItsNanoseconds) {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_KAFKA_UNAVAILABLE;
  details.retry_delay = absl::Milliseconds(1250);
  const v1::PublishError error = ErrorOf(MakeError(details, "away"));
  EXPECT_EQ(error.retry_delay().seconds(), 1);
  EXPECT_EQ(error.retry_delay().nanos(), 250'000'000);
}

TEST_F(PublishResultsTest, ViolationsKeepTheirFieldsAndOrder) {
  const v1::PublishError error = ErrorOf(MakeInvalid(
      v1::ERROR_REASON_EVENT_INVALID, {{"requests[3].a", "x"}, {"requests[3].b", "y"}}));
  ASSERT_EQ(error.field_violations_size(), 2);
  EXPECT_EQ(error.field_violations(0).field(), "requests[3].a");
  EXPECT_EQ(error.field_violations(1).description(), "y");
  EXPECT_EQ(error.message(), "requests[3].a: x (and 1 more)");
}

TEST_F(PublishResultsTest, TooManyViolationsEndWithHowManyMore) {
  std::vector<FieldViolation> violations(100, {std::string(50, 'f'), std::string(50, 'd')});
  const v1::PublishError error =
      ErrorOf(MakeInvalid(v1::ERROR_REASON_EVENT_INVALID, std::move(violations)));
  const int listed = error.field_violations_size() - 1;
  EXPECT_GT(listed, 10);
  EXPECT_EQ(error.field_violations(listed).field(), "");
  EXPECT_EQ(error.field_violations(listed).description(),
            "and " + std::to_string(100 - listed) + " more");
}

TEST_F(PublishResultsTest, AViolationThatFillsThePageAloneIsCounted) {
  const v1::PublishError error =
      ErrorOf(MakeInvalid(v1::ERROR_REASON_EVENT_INVALID, {{std::string(4000, 'f'), "d"}}));
  ASSERT_EQ(error.field_violations_size(), 1);
  EXPECT_EQ(error.field_violations(0).description(), "and 1 more");
}

TEST_F(PublishResultsTest, ALongMessageIsCutAtACharactersEnd) {
  std::string message = "x";
  while (message.size() < 2000) message += "\xE2\x98\x83";  // A snowman.
  const v1::PublishError error = ErrorOf(MakeError(v1::ERROR_REASON_INTERNAL, message));
  EXPECT_LE(error.message().size(), 512u);
  EXPECT_GE(error.message().size(), 508u);
  EXPECT_EQ(error.message().substr(error.message().size() - 6), "\xE2\x98\x83...");
}

TEST_F(PublishResultsTest, WhatIsNotUtf8DoesNotTakeTheResponseWithIt) {
  EXPECT_EQ(ErrorOf(MakeError(v1::ERROR_REASON_INTERNAL, "a\xff z")).message(), "a? z");
}

TEST_F(PublishResultsTest, AnErrorOfAnotherMakeIsInternal) {
  EXPECT_EQ(ErrorOf(absl::DataLossError("?")).reason(), v1::ERROR_REASON_INTERNAL);
}

TEST_F(PublishResultsTest, AThousandErrorsStayBelowThreeMegabytes) {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_EVENT_INVALID;
  details.retry_delay = absl::Nanoseconds(999'999'999'999);
  details.violations.assign(100, {std::string(80, 'f'), std::string(80, 'd')});
  for (int i = 0; i < 1000; ++i) results_.AddError(MakeError(details, std::string(600, 'm')));
  const v1::PublishBatchResponse response = Parsed();
  EXPECT_EQ(response.results_size(), 1000);
  EXPECT_LT(response.ByteSizeLong(), 3u << 20);
}

}  // namespace
}  // namespace eventbus::wire
