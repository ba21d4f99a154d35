#include "server/rpc/status.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error.h"

namespace eventbus::rpc {
namespace {

TEST(ToGrpcStatusTest, OkIsOk) { EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok()); }

TEST(ToGrpcStatusTest, CarriesCodeMessageAndEveryDetail) {
  ErrorDetails details;
  details.reason = v1::ERROR_REASON_PUBLISH_QUEUE_FULL;
  details.violations = {{"a.b", "wrong"}};
  details.retry_delay = absl::Milliseconds(1500);
  details.topic = "t";
  const grpc::Status status = ToGrpcStatus(MakeError(details, "full"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "full");

  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(status.error_details()));
  EXPECT_EQ(rich.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(rich.message(), "full");
  int found = 0;
  for (const auto& any : rich.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    google::rpc::ResourceInfo resource;
    if (any.UnpackTo(&info)) {
      ++found;
      EXPECT_EQ(info.domain(), "eventbus");
      EXPECT_EQ(info.reason(), "PUBLISH_QUEUE_FULL");
    } else if (any.UnpackTo(&bad)) {
      ++found;
      EXPECT_EQ(bad.field_violations(0).field(), "a.b");
    } else if (any.UnpackTo(&retry)) {
      ++found;
      EXPECT_EQ(retry.retry_delay().seconds(), 1);
      EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
    } else if (any.UnpackTo(&resource)) {
      ++found;
      EXPECT_EQ(resource.resource_name(), "t");
    }
  }
  EXPECT_EQ(found, 4);
  // In an order that people and tests can rely on.
  EXPECT_TRUE(
      std::is_sorted(rich.details().begin(), rich.details().end(),
                     [](const auto& a, const auto& b) { return a.type_url() < b.type_url(); }));
}

TEST(ToGrpcStatusTest, WhatAClientWouldRefuseIsLeftOutAndCounted) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < 100; ++i) violations.push_back({"field", std::string(100, 'x')});
  const grpc::Status status = ToGrpcStatus(MakeInvalid(v1::ERROR_REASON_EVENT_INVALID, violations));
  EXPECT_LE(status.error_details().size(), 4096u);
  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(status.error_details()));
  google::rpc::BadRequest bad;
  ASSERT_TRUE(rich.details(0).UnpackTo(&bad));
  const int listed = bad.field_violations_size() - 1;
  EXPECT_GT(listed, 20);
  EXPECT_EQ(bad.field_violations(listed).description(),
            "and " + std::to_string(100 - listed) + " more");
}

// One by one this would take minutes.
TEST(ToGrpcStatusTest, OfTenThousandViolationsTheFirstAreListed) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < 10'000; ++i) violations.push_back({std::to_string(i), "no"});
  const grpc::Status status =
      ToGrpcStatus(MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, violations));
  EXPECT_LE(status.error_details().size(), 4096u);
  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(status.error_details()));
  google::rpc::BadRequest bad;
  ASSERT_TRUE(rich.details(0).UnpackTo(&bad));
  const int listed = bad.field_violations_size() - 1;
  EXPECT_GT(listed, 300);
  EXPECT_EQ(bad.field_violations(listed - 1).field(), std::to_string(listed - 1));
  EXPECT_EQ(bad.field_violations(listed).description(),
            "and " + std::to_string(10'000 - listed) + " more");
}

TEST(ToGrpcStatusTest, ALongMessageIsCutBetweenCharacters) {
  std::string text = "a";
  for (int i = 0; i < 400; ++i) text += "\u00E9";
  const std::string message = ToGrpcStatus(absl::InternalError(text)).error_message();
  EXPECT_LE(message.size(), 512u);
  EXPECT_EQ(message.substr(0, 3), "a\u00E9");
  EXPECT_EQ(message.substr(message.size() - 5), "\u00E9...");
}

}  // namespace
}  // namespace eventbus::rpc
