#include "server/rpc/acknowledgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "server/wire/delivery.h"

namespace eventbus::rpc {
namespace {

using testing::ElementsAre;

v1::AcknowledgeRequest Tokens(int count) {
  v1::AcknowledgeRequest request;
  for (int i = 0; i < count; ++i) request.add_ack_tokens("token");
  return request;
}

ErrorDetails Refusal(const std::string& bytes) {
  const auto asked = ParseAcknowledge(bytes);
  EXPECT_FALSE(asked.ok());
  return GetErrorDetails(asked.status());
}

v1::AcknowledgeResponse Response(const std::vector<bus::AckError>& errors) {
  v1::AcknowledgeResponse response;
  EXPECT_TRUE(response.ParseFromString(AcknowledgeResponseBytes(errors)));
  return response;
}

TEST(ParseAcknowledgeTest, HasTheTokensInTheirOrder) {
  v1::AcknowledgeRequest request;
  for (const char* token : {"b", "", "a", "b"}) request.add_ack_tokens(token);
  const auto asked = ParseAcknowledge(request.SerializeAsString());
  ASSERT_TRUE(asked.ok());
  EXPECT_THAT(asked->acks, ElementsAre("b", "", "a", "b"));
  EXPECT_TRUE(asked->retries.empty());
  EXPECT_TRUE(asked->dead_letters.empty());
}

v1::Retry& AddRetry(v1::AcknowledgeRequest& request, std::int64_t seconds, int nanos = 0) {
  v1::Retry& retry = *request.add_retries();
  retry.set_ack_token("token");
  retry.mutable_delay()->set_seconds(seconds);
  retry.mutable_delay()->set_nanos(nanos);
  return retry;
}

TEST(ParseAcknowledgeTest, ADelayOfZeroIsAtOnceAndAnUnsetOneIsThePolicys) {
  v1::AcknowledgeRequest request;
  request.add_retries()->set_ack_token("a");
  AddRetry(request, 0).set_ack_token("b");
  AddRetry(request, 600).set_ack_token("c");
  const auto asked = ParseAcknowledge(request.SerializeAsString());
  ASSERT_TRUE(asked.ok()) << asked.status();
  ASSERT_EQ(asked->retries.size(), 3u);
  EXPECT_EQ(asked->retries[0].token, "a");
  EXPECT_EQ(asked->retries[0].delay, absl::nullopt);
  EXPECT_EQ(asked->retries[1].delay, absl::ZeroDuration());
  EXPECT_EQ(asked->retries[2].token, "c");
  EXPECT_EQ(asked->retries[2].delay, absl::Minutes(10));
}

TEST(ParseAcknowledgeTest, ADeadLetterHasItsReasonOrTheClients) {
  v1::AcknowledgeRequest request;
  request.add_dead_letters()->set_ack_token("a");
  v1::DeadLetter& letter = *request.add_dead_letters();
  letter.set_ack_token("b");
  letter.set_reason(std::string(1024, 'r'));
  const auto asked = ParseAcknowledge(request.SerializeAsString());
  ASSERT_TRUE(asked.ok()) << asked.status();
  ASSERT_EQ(asked->dead_letters.size(), 2u);
  EXPECT_EQ(asked->dead_letters[0].token, "a");
  EXPECT_EQ(asked->dead_letters[0].reason, "client");
  EXPECT_EQ(asked->dead_letters[1].token, "b");
  EXPECT_EQ(asked->dead_letters[1].reason, std::string(1024, 'r'));
}

TEST(ParseAcknowledgeTest, EveryViolationIsReportedWithItsPath) {
  v1::AcknowledgeRequest request = Tokens(1);
  AddRetry(request, 1);
  AddRetry(request, 600, 1);
  AddRetry(request, 0, -1);
  AddRetry(request, 1, -1);  // Seconds and nanoseconds of different signs are no duration.
  request.add_dead_letters()->set_reason(std::string(1025, 'r'));
  const ErrorDetails details = Refusal(request.SerializeAsString());
  EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_THAT(
      details.violations,
      ElementsAre(FieldViolation{"retries[1].delay", "10m0.000000001s, 0s to 10m are allowed"},
                  FieldViolation{"retries[2].delay", "-1ns, 0s to 10m are allowed"},
                  FieldViolation{"retries[3].delay", "999.999999ms, 0s to 10m are allowed"},
                  FieldViolation{"dead_letters[0].reason", "1025 bytes, at most 1024"}));
}

TEST(ParseAcknowledgeTest, TheBoundIsOfTheThreeListsTogether) {
  v1::AcknowledgeRequest request = Tokens(9'998);
  AddRetry(request, 0);
  request.add_dead_letters()->set_ack_token("token");
  const auto asked = ParseAcknowledge(request.SerializeAsString());
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->size(), 10'000u);
  AddRetry(request, 0);
  EXPECT_EQ(Refusal(request.SerializeAsString()).violations.at(0).field, "ack_tokens");
}

TEST(ReadAcknowledgeTest, ThePathStandsBeforeWhatIsWrong) {
  v1::AcknowledgeRequest request;
  EXPECT_EQ(GetErrorDetails(ReadAcknowledge(request, "acknowledge.").status()).violations[0].field,
            "acknowledge.ack_tokens");
  AddRetry(request, -1);
  EXPECT_EQ(GetErrorDetails(ReadAcknowledge(request, "acknowledge.").status()).violations[0].field,
            "acknowledge.retries[0].delay");
}

TEST(ParseAcknowledgeTest, TakesOneToTenThousandTokens) {
  EXPECT_TRUE(ParseAcknowledge(Tokens(1).SerializeAsString()).ok());
  EXPECT_TRUE(ParseAcknowledge(Tokens(10'000).SerializeAsString()).ok());
  for (const int count : {0, 10'001}) {
    const ErrorDetails details = Refusal(Tokens(count).SerializeAsString());
    EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
    EXPECT_THAT(
        details.violations,
        ElementsAre(FieldViolation{
            "ack_tokens", std::to_string(count) +
                              " tokens, 1 to 10000 are allowed in the three lists together"}));
  }
}

TEST(ParseAcknowledgeTest, WhatIsNoRequestIsRefused) {
  for (const char* bytes : {"\x0a\x7f", "\x0a\x01\xff", "hello"}) {
    EXPECT_EQ(Refusal(bytes).reason, v1::ERROR_REASON_REQUEST_INVALID) << bytes;
  }
}

TEST(ParseAcknowledgeTest, AFieldThatIsNotKnownIsRefused) {
  v1::AcknowledgeRequest request = Tokens(1);
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(99, "x");
  EXPECT_EQ(Refusal(request.SerializeAsString()).reason, v1::ERROR_REASON_UNKNOWN_FIELD);
}

TEST(ParseAcknowledgeTest, AnUnknownFieldIsRefusedAtEveryDepth) {
  v1::AcknowledgeRequest request = Tokens(1);
  const auto spoil = [](google::protobuf::Message& message) {
    message.GetReflection()->MutableUnknownFields(&message)->AddVarint(99, 1);
  };
  spoil(AddRetry(request, 1));
  spoil(*AddRetry(request, 1).mutable_delay());
  spoil(*request.add_dead_letters());
  const ErrorDetails details = Refusal(request.SerializeAsString());
  EXPECT_EQ(details.reason, v1::ERROR_REASON_UNKNOWN_FIELD);
  ASSERT_EQ(details.violations.size(), 3u);
  EXPECT_EQ(details.violations[0].field, "retries[0]");
  EXPECT_EQ(details.violations[1].field, "retries[1].delay");
  EXPECT_EQ(details.violations[2].field, "dead_letters[0]");
}

TEST(AcknowledgeResponseTest, OfNoErrorsIsEmpty) { EXPECT_EQ(AcknowledgeResponseBytes({}), ""); }

TEST(AcknowledgeResponseTest, EachErrorHasItsReasonInWords) {
  const v1::AcknowledgeResponse response = Response({{"a", v1::ERROR_REASON_ACK_TOKEN_INVALID},
                                                     {"b", v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED},
                                                     {"c", v1::ERROR_REASON_ACK_TOKEN_EXPIRED},
                                                     {"d", v1::ERROR_REASON_DEAD_LETTER_DISABLED}});
  ASSERT_EQ(response.errors_size(), 4);
  EXPECT_EQ(response.errors(0).ack_token(), "a");
  EXPECT_EQ(response.errors(0).reason(), v1::ERROR_REASON_ACK_TOKEN_INVALID);
  EXPECT_THAT(response.errors(0).message(), testing::HasSubstr("not a token"));
  EXPECT_EQ(response.errors(1).reason(), v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
  EXPECT_THAT(response.errors(1).message(), testing::HasSubstr("no stream on this server"));
  EXPECT_EQ(response.errors(2).reason(), v1::ERROR_REASON_ACK_TOKEN_EXPIRED);
  EXPECT_THAT(response.errors(2).message(),
              testing::HasSubstr("delivered again since, or settled another way"));
  EXPECT_THAT(response.errors(3).message(), testing::HasSubstr("no dead_letter_policy"));
}

TEST(AcknowledgeResponseTest, ALongTokenIsCutBetweenCharacters) {
  const std::string ascii(65, 'x');
  const std::string wide = std::string(63, 'x') + "\u00E9";
  const v1::AcknowledgeResponse response =
      Response({{ascii.substr(1), v1::ERROR_REASON_ACK_TOKEN_INVALID},
                {ascii, v1::ERROR_REASON_ACK_TOKEN_INVALID},
                {wide, v1::ERROR_REASON_ACK_TOKEN_INVALID}});
  EXPECT_EQ(response.errors(0).ack_token(), std::string(64, 'x'));
  EXPECT_EQ(response.errors(1).ack_token(), std::string(64, 'x'));
  EXPECT_EQ(response.errors(2).ack_token(), std::string(63, 'x'));
}

TEST(AcknowledgeResponseTest, StaysUnderTheLimitOfAMessageForAnyReason) {
  for (const v1::ErrorReason reason :
       {v1::ERROR_REASON_ACK_TOKEN_INVALID, v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED,
        v1::ERROR_REASON_ACK_TOKEN_EXPIRED, v1::ERROR_REASON_DEAD_LETTER_DISABLED}) {
    const std::vector<bus::AckError> errors(10'000, {std::string(400, 'x'), reason});
    EXPECT_LT(AcknowledgeResponseBytes(errors).size(), wire::kMaxResponseBytes) << reason;
  }
}

}  // namespace
}  // namespace eventbus::rpc
