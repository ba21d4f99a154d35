#include "server/rpc/settling_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fakes/schema.h"

namespace eventbus::rpc {
namespace {

using testing::ElementsAre;

struct Outcome {
  bus::GroupOptions options;
  std::vector<FieldViolation> violations;
};

Outcome Read(const v1::Group& group, const std::vector<std::string>& topics = {}) {
  Outcome outcome;
  outcome.options.source.group_id = group.id();
  outcome.options.source.topics = topics;
  ReadSettling(group, fakes::Schema::Get().catalog, outcome.options, outcome.violations);
  return outcome;
}

v1::Group Backoff(int min_seconds, int max_seconds) {
  v1::Group group;
  if (min_seconds >= 0) {
    group.mutable_retry_policy()->mutable_min_backoff()->set_seconds(min_seconds);
  }
  if (max_seconds >= 0) {
    group.mutable_retry_policy()->mutable_max_backoff()->set_seconds(max_seconds);
  }
  return group;
}

void ExpectBackoff(const v1::Group& group, absl::Duration min, absl::Duration max) {
  const Outcome outcome = Read(group);
  EXPECT_THAT(outcome.violations, testing::IsEmpty());
  EXPECT_EQ(outcome.options.settling.min_backoff, min);
  EXPECT_EQ(outcome.options.settling.max_backoff, max);
}

TEST(ReadSettlingTest, WithoutPoliciesRetriesBackOffAndNothingIsGivenUp) {
  ExpectBackoff(v1::Group(), absl::Seconds(1), absl::Seconds(60));
  EXPECT_FALSE(Read(v1::Group()).options.settling.dead_letters);
  v1::Group group;
  group.mutable_retry_policy();
  ExpectBackoff(group, absl::Seconds(1), absl::Seconds(60));
}

TEST(ReadSettlingTest, AnExplicitMinimumOfZeroIsAtOnceAndAMaximumOfZeroIsUnset) {
  ExpectBackoff(Backoff(0, -1), absl::ZeroDuration(), absl::Seconds(60));
  ExpectBackoff(Backoff(-1, 0), absl::Seconds(1), absl::Seconds(60));
  ExpectBackoff(Backoff(0, 0), absl::ZeroDuration(), absl::Seconds(60));
}

TEST(ReadSettlingTest, BackoffsGoUpToTenMinutes) {
  ExpectBackoff(Backoff(2, 2), absl::Seconds(2), absl::Seconds(2));
  ExpectBackoff(Backoff(600, 600), absl::Minutes(10), absl::Minutes(10));
}

TEST(ReadSettlingTest, AnUnsetMaximumGivesWayToALongerMinimum) {
  ExpectBackoff(Backoff(90, -1), absl::Seconds(90), absl::Seconds(90));
  ExpectBackoff(Backoff(90, 0), absl::Seconds(90), absl::Seconds(90));
}

TEST(ReadSettlingTest, BackoffsOutOfTheirBoundsAreRefused) {
  v1::Group group = Backoff(601, 601);
  EXPECT_THAT(
      Read(group).violations,
      ElementsAre(
          FieldViolation{"group.retry_policy.min_backoff", "10m1s, 0s to 10m are allowed"},
          FieldViolation{"group.retry_policy.max_backoff", "10m1s, 0s to 10m are allowed"}));
  group.mutable_retry_policy()->mutable_min_backoff()->set_seconds(-1);
  group.mutable_retry_policy()->clear_max_backoff();
  EXPECT_THAT(Read(group).violations, ElementsAre(FieldViolation{"group.retry_policy.min_backoff",
                                                                 "-1s, 0s to 10m are allowed"}));
}

TEST(ReadSettlingTest, AMaximumBelowTheMinimumIsRefused) {
  EXPECT_THAT(Read(Backoff(5, 4)).violations,
              ElementsAre(FieldViolation{"group.retry_policy.max_backoff",
                                         "4s, at least min_backoff (5s) is allowed"}));
  // The default minimum counts as well.
  v1::Group group;
  group.mutable_retry_policy()->mutable_max_backoff()->set_nanos(1);
  EXPECT_THAT(Read(group).violations,
              ElementsAre(FieldViolation{"group.retry_policy.max_backoff",
                                         "1ns, at least min_backoff (1s) is allowed"}));
}

TEST(ReadSettlingTest, ADeadLetterPolicyTurnsDeadLettersOn) {
  for (const int attempts : {0, 1, 1000}) {
    v1::Group group;
    group.mutable_dead_letter_policy()->set_max_delivery_attempts(attempts);
    const Outcome outcome = Read(group);
    EXPECT_THAT(outcome.violations, testing::IsEmpty());
    EXPECT_TRUE(outcome.options.settling.dead_letters);
    EXPECT_EQ(outcome.options.settling.max_failures, attempts);
  }
  for (const int attempts : {-1, 1001}) {
    v1::Group group;
    group.mutable_dead_letter_policy()->set_max_delivery_attempts(attempts);
    EXPECT_THAT(Read(group).violations,
                ElementsAre(FieldViolation{
                    "group.dead_letter_policy.max_delivery_attempts",
                    std::to_string(attempts) + ", 1 to 1000 are allowed, or 0 for any number"}));
  }
}

TEST(ReadSettlingTest, WithDeadLettersTheirTopicsNamesBoundTheGroupsId) {
  v1::Group group;
  group.mutable_dead_letter_policy();
  // `tutor-queries.<id>.dlq`
  group.set_id(std::string(249 - 13 - 5, 'g'));
  EXPECT_THAT(Read(group, {"tutor-queries"}).violations, testing::IsEmpty());
  group.set_id(std::string(249 - 13 - 4, 'g'));
  EXPECT_THAT(Read(group, {"tutor-queries"}).violations,
              ElementsAre(FieldViolation{
                  "group.id",
                  "232 bytes, at most 231 are allowed where dead letters go to the topic "
                  "<topic>.<group>.dlq"}));
  // The longest of those that are read counts: without names all of the schema's are.
  group.set_id(std::string(249 - 17 - 4, 'g'));
  EXPECT_THAT(Read(group, {"tutor-queries"}).violations, testing::IsEmpty());
  EXPECT_EQ(Read(group, {"assessment-events", "tutor-queries"}).violations.size(), 1u);
  EXPECT_EQ(Read(group).violations.size(), 1u);
  group.clear_dead_letter_policy();
  EXPECT_THAT(Read(group).violations, testing::IsEmpty());
}

TEST(ReadSettlingTest, PoliciesAreRefusedUnderAuto) {
  v1::Group group;
  group.set_ack_mode(v1::ACK_MODE_AUTO);
  EXPECT_THAT(Read(group).violations, testing::IsEmpty());
  group.mutable_retry_policy();
  group.mutable_dead_letter_policy();
  const char kWhy[] = "set, allowed under ACK_MODE_EXPLICIT only";
  EXPECT_THAT(Read(group).violations,
              ElementsAre(FieldViolation{"group.retry_policy", kWhy},
                          FieldViolation{"group.dead_letter_policy", kWhy}));
}

}  // namespace
}  // namespace eventbus::rpc
