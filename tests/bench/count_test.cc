#include "tests/bench/count.h"

#include <string>
#include <vector>

#include "eventbus/v1/event_bus_service.pb.h"
#include "gtest/gtest.h"

namespace eventbus::bench {
namespace {

// In pieces of `size` bytes each, as they may come from the network.
grpc::ByteBuffer InPieces(const std::string& bytes, std::size_t size) {
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    slices.emplace_back(bytes.substr(at, size));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string Batch(int events) {
  v1::SubscribeResponse response;
  for (int i = 0; i < events; ++i) {
    v1::ReceivedEvent& event = *response.mutable_batch()->add_events();
    event.set_topic("document-events");
    event.set_json(std::string(static_cast<std::size_t>(i), 'x'));
  }
  return response.SerializeAsString();
}

TEST(CountDeliveredTest, CountsTheEventsOfABatchHoweverItIsCut) {
  const std::string bytes = Batch(300);
  for (std::size_t size = 1; size < 600; ++size) {
    const auto delivery = CountDelivered(InPieces(bytes, size));
    ASSERT_TRUE(delivery.ok()) << delivery.status() << ", pieces of " << size;
    EXPECT_EQ(delivery->events, 300) << "pieces of " << size;
    EXPECT_FALSE(delivery->started);
  }
}

TEST(CountDeliveredTest, TellsTheStartAndCountsNothingElse) {
  v1::SubscribeResponse started;
  started.mutable_started()->set_stream_id("a");
  v1::SubscribeResponse heartbeat;
  heartbeat.mutable_heartbeat()->add_lags()->set_topic("document-events");
  EXPECT_TRUE(CountDelivered(InPieces(started.SerializeAsString(), 100))->started);
  const auto other = CountDelivered(InPieces(heartbeat.SerializeAsString(), 100));
  EXPECT_FALSE(other->started);
  EXPECT_EQ(other->events, 0);
}

TEST(CountDeliveredTest, RefusesWhatIsCutOff) {
  const std::string bytes = Batch(3);
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_FALSE(CountDelivered(InPieces(bytes.substr(0, length), 100)).ok()) << length;
  }
}

// A batch of `events`, each with a token of its own.
v1::SubscribeResponse WithTokens(int events) {
  v1::SubscribeResponse response;
  for (int i = 0; i < events; ++i) {
    v1::ReceivedEvent& event = *response.mutable_batch()->add_events();
    event.set_offset(i);
    event.set_ack_token("event-" + std::to_string(i));
    event.set_delivery_attempt(1);
  }
  response.mutable_batch()->set_ack_token("batch");
  return response;
}

TEST(CountDeliveredTest, TellsTheTokenOfABatch) {
  const std::string bytes = WithTokens(3).SerializeAsString();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const auto delivery = CountDelivered(InPieces(bytes, size));
    ASSERT_TRUE(delivery.ok()) << delivery.status();
    EXPECT_EQ(delivery->ack_token, "batch");
    EXPECT_EQ(delivery->events, 3);
  }
}

TEST(CountConsumedTest, TellsDeliveriesFromAnswers) {
  v1::ConsumeResponse response;
  *response.mutable_delivery() = WithTokens(3);
  const auto delivery = CountConsumed(InPieces(response.SerializeAsString(), 7));
  ASSERT_TRUE(delivery.ok()) << delivery.status();
  EXPECT_EQ(delivery->events, 3);
  EXPECT_EQ(delivery->ack_token, "batch");
  EXPECT_FALSE(delivery->acknowledged);

  response.mutable_acknowledged();
  const auto answer = CountConsumed(InPieces(response.SerializeAsString(), 7));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->acknowledged);
  EXPECT_EQ(answer->events, 0);

  response.mutable_acknowledged()->add_errors()->set_message("expired");
  EXPECT_EQ(CountConsumed(InPieces(response.SerializeAsString(), 7)).status(),
            absl::AbortedError("not settled: expired"));
}

TEST(CountConsumedTest, RefusesWhatIsCutOff) {
  v1::ConsumeResponse response;
  *response.mutable_delivery() = WithTokens(3);
  const std::string bytes = response.SerializeAsString();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(CountConsumed(InPieces(bytes.substr(0, length), 100)).ok()) << length;
  }
}

TEST(EventTokensTest, AreThoseOfTheEvents) {
  const auto tokens = EventTokens(InPieces(WithTokens(3).SerializeAsString(), 7));
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(*tokens, (std::vector<std::string>{"event-0", "event-1", "event-2"}));
}

TEST(CheckAcknowledgedTest, OneErrorIsTheError) {
  v1::AcknowledgeResponse response;
  EXPECT_TRUE(CheckAcknowledged(InPieces(response.SerializeAsString(), 7)).ok());
  response.add_errors()->set_message("expired");
  EXPECT_EQ(CheckAcknowledged(InPieces(response.SerializeAsString(), 7)),
            absl::AbortedError("not settled: expired"));
}

TEST(CountPublishedTest, CountsResults) {
  v1::PublishBatchResponse response;
  for (int i = 0; i < 1000; ++i) response.add_results()->mutable_published()->set_offset(i);
  const auto events = CountPublished(InPieces(response.SerializeAsString(), 4096));
  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_EQ(*events, 1000);
}

TEST(CountPublishedTest, OneErrorIsTheError) {
  v1::PublishBatchResponse response;
  response.add_results()->mutable_published()->set_offset(1);
  response.add_results()->mutable_error()->set_message("document_id: missing");
  const auto events = CountPublished(InPieces(response.SerializeAsString(), 4096));
  EXPECT_EQ(events.status(), absl::AbortedError("not published: document_id: missing"));
}

}  // namespace
}  // namespace eventbus::bench
