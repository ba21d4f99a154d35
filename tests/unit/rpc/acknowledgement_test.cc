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
  const auto tokens = ParseAcknowledge(bytes);
  EXPECT_FALSE(tokens.ok());
  return GetErrorDetails(tokens.status());
}

v1::AcknowledgeResponse Response(const std::vector<bus::AckError>& errors) {
  v1::AcknowledgeResponse response;
  EXPECT_TRUE(response.ParseFromString(AcknowledgeResponseBytes(errors)));
  return response;
}

TEST(ParseAcknowledgeTest, HasTheTokensInTheirOrder) {
  v1::AcknowledgeRequest request;
  for (const char* token : {"b", "", "a", "b"}) request.add_ack_tokens(token);
  const auto tokens = ParseAcknowledge(request.SerializeAsString());
  ASSERT_TRUE(tokens.ok());
  EXPECT_THAT(*tokens, ElementsAre("b", "", "a", "b"));
}

TEST(ParseAcknowledgeTest, TakesOneToTenThousandTokens) {
  EXPECT_TRUE(ParseAcknowledge(Tokens(1).SerializeAsString()).ok());
  EXPECT_TRUE(ParseAcknowledge(Tokens(10'000).SerializeAsString()).ok());
  for (const int count : {0, 10'001}) {
    const ErrorDetails details = Refusal(Tokens(count).SerializeAsString());
    EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
    EXPECT_THAT(details.violations,
                ElementsAre(FieldViolation{
                    "ack_tokens", std::to_string(count) + " tokens, 1 to 10000 are allowed"}));
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

TEST(AcknowledgeResponseTest, OfNoErrorsIsEmpty) { EXPECT_EQ(AcknowledgeResponseBytes({}), ""); }

TEST(AcknowledgeResponseTest, EachErrorHasItsReasonInWords) {
  const v1::AcknowledgeResponse response = Response({{"a", v1::ERROR_REASON_ACK_TOKEN_INVALID},
                                                     {"b", v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED},
                                                     {"c", v1::ERROR_REASON_ACK_TOKEN_EXPIRED}});
  ASSERT_EQ(response.errors_size(), 3);
  EXPECT_EQ(response.errors(0).ack_token(), "a");
  EXPECT_EQ(response.errors(0).reason(), v1::ERROR_REASON_ACK_TOKEN_INVALID);
  EXPECT_THAT(response.errors(0).message(), testing::HasSubstr("not a token"));
  EXPECT_EQ(response.errors(1).reason(), v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED);
  EXPECT_THAT(response.errors(1).message(), testing::HasSubstr("no stream on this server"));
  EXPECT_EQ(response.errors(2).reason(), v1::ERROR_REASON_ACK_TOKEN_EXPIRED);
  EXPECT_THAT(response.errors(2).message(), testing::HasSubstr("delivered again since"));
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
        v1::ERROR_REASON_ACK_TOKEN_EXPIRED}) {
    const std::vector<bus::AckError> errors(10'000, {std::string(400, 'x'), reason});
    EXPECT_LT(AcknowledgeResponseBytes(errors).size(), wire::kMaxResponseBytes) << reason;
  }
}

}  // namespace
}  // namespace eventbus::rpc
