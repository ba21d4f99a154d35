#include "server/bus/tail_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;

const event::Catalog& Catalog() { return fakes::Schema::Get().catalog; }

kafka::ClusterMetadata Cluster() {
  kafka::ClusterMetadata metadata;
  metadata.topics["meeting-events"] = {2, 1};
  metadata.topics["document-events"] = {1, 1};
  metadata.topics["not-ours"] = {1, 1};
  return metadata;
}

absl::StatusOr<TailSource> Find(fakes::FakeKafka& kafka, const TailSourceRequest& request = {}) {
  fakes::ManualClock clock;
  fakes::ManualExecutor executor(clock);
  LookUps look_ups(kafka, executor, "look-ups");
  return FindTailSource(request, Catalog(), kafka, look_ups);
}

TEST(FindTopicsTest, WithoutNamesThoseOfTheCatalogThatExist) {
  EXPECT_THAT(FindTopics({}, Catalog(), Cluster()).value(),
              ElementsAre("document-events", "meeting-events"));
}

TEST(FindTopicsTest, ANamedOneThatIsMissingIsNotFound) {
  const auto topics = FindTopics({"meeting-events", "tutor-queries"}, Catalog(), Cluster());
  EXPECT_EQ(GetErrorDetails(topics.status()).reason, v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(GetErrorDetails(topics.status()).topic, "tutor-queries");
}

TEST(FindTopicsTest, NoneAtAllIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(FindTopics({}, Catalog(), {}).status()));
}

TEST(PartitionsOfTest, AreSorted) {
  const auto partitions = PartitionsOf({"meeting-events", "document-events"}, Cluster());
  ASSERT_EQ(partitions.size(), 3u);
  EXPECT_EQ(partitions[0], (kafka::TopicPartition{"document-events", 0}));
  EXPECT_EQ(partitions[2], (kafka::TopicPartition{"meeting-events", 1}));
}

TEST(FindTailSourceTest, AnOutageIsItsError) {
  fakes::FakeKafka kafka;
  kafka.SetError(MakeError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  const auto source = Find(kafka);
  EXPECT_TRUE(absl::IsUnavailable(source.status()));
}

TEST(FindTailSourceTest, LatestStartsAtTheEnds) {
  fakes::FakeKafka kafka;
  kafka.AddTopic("document-events", 1);
  kafka.Append("document-events", 0, "{}");
  const auto source = Find(kafka);
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->cluster_id, "fake-cluster");
  ASSERT_EQ(source->cursors.all().size(), 1u);
  EXPECT_EQ(source->cursors.all()[0].read, 1);
  EXPECT_TRUE(source->cursors.CaughtUp());
}

TEST(FindTailSourceTest, WhatRetentionTookIsReported) {
  fakes::FakeKafka kafka;
  kafka.AddTopic("document-events", 1);
  for (int i = 0; i < 5; ++i) kafka.Append("document-events", 0, "{}");
  kafka.Truncate("document-events", 0, 3);
  TailSourceRequest request;
  request.start = AtOffsets{{{{"document-events", 0}, 1}}};
  const auto source = Find(kafka, request);
  ASSERT_TRUE(source.ok());
  ASSERT_EQ(source->lost.size(), 1u);
  EXPECT_EQ(source->lost[0].next_offset, 3);
}

}  // namespace
}  // namespace eventbus::bus
