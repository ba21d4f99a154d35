#include "server/bus/dead_letter_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/types/optional.h"
#include "server/base/error.h"
#include "server/bus/dead_letter_queues.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"

namespace eventbus::bus {
namespace {

using testing::HasSubstr;

// Hands everything to a FakeKafka.
class Producer final : public kafka::Producer {
 public:
  explicit Producer(fakes::FakeKafka& kafka) : kafka_(kafka) {}

  absl::Status Produce(kafka::OutgoingRecord& record, DoneCallback& done) override {
    return kafka_.Produce(record, done);
  }
  bool Flush(absl::Duration timeout) override { return kafka_.Flush(timeout); }
  void Stop() override { kafka_.Stop(); }

 private:
  fakes::FakeKafka& kafka_;
};

class DeadLetterWriterTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<kafka::Producer>> MakeProducer() {
    ++made_;
    if (!make_error_.ok()) return make_error_;
    return std::make_unique<Producer>(kafka_);
  }

  // The outcome, as far as it is known.
  absl::optional<absl::Status>& Write(std::string group = "g") {
    kafka::RecordView view;
    view.topic = "events";
    view.partition = 2;
    view.value = "v";
    writer_.Write({std::move(group), kafka::KeptRecord(view), 1, "undecodable"},
                  [this](absl::Status status) { outcome_ = std::move(status); });
    return outcome_;
  }

  fakes::FakeKafka kafka_;
  int made_ = 0;
  absl::Status make_error_;
  absl::optional<absl::Status> outcome_;
  DeadLetterWriter writer_{[this] { return MakeProducer(); }};
};

TEST_F(DeadLetterWriterTest, IsDoneOnceKafkaHasTheLetter) {
  kafka_.HoldDeliveries();
  EXPECT_FALSE(Write().has_value());
  ASSERT_EQ(kafka_.produced_count(), 1u);
  const kafka::OutgoingRecord record = kafka_.produced()[0];
  EXPECT_EQ(record.topic, "events.g.dlq");
  EXPECT_EQ(record.partition, 2);
  EXPECT_EQ(record.headers.size(), 7u);
  kafka_.Deliver(kafka::Position{2, 0});
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_TRUE(outcome_->ok());
}

TEST_F(DeadLetterWriterTest, TheProducersErrorsAreTheLetters) {
  kafka_.HoldDeliveries();
  Write();
  kafka_.Deliver(MakeError(v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN, "who knows"));
  EXPECT_EQ(GetErrorDetails(*outcome_).reason, v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  kafka_.SetProduceError(MakeError(v1::ERROR_REASON_EVENT_TOO_LARGE, "too large"));
  EXPECT_EQ(GetErrorDetails(*Write()).reason, v1::ERROR_REASON_EVENT_TOO_LARGE);
}

TEST_F(DeadLetterWriterTest, OneProducerIsMadeAndLate) {
  EXPECT_EQ(made_, 0);
  EXPECT_TRUE(writer_.Start().ok());
  Write();
  Write();
  EXPECT_EQ(made_, 1);
}

TEST_F(DeadLetterWriterTest, AProducerThatCannotBeMadeIsTriedAgain) {
  make_error_ = absl::InvalidArgumentError("no");
  EXPECT_EQ(writer_.Start(), make_error_);
  EXPECT_EQ(*Write(), make_error_);
  make_error_ = absl::OkStatus();
  EXPECT_TRUE(Write()->ok());
}

TEST_F(DeadLetterWriterTest, AfterStopNothingIsWritten) {
  Write();
  writer_.Stop();
  EXPECT_EQ(GetErrorDetails(*Write()).reason, v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(kafka_.produced_count(), 1u);
}

TEST_F(DeadLetterWriterTest, WithoutALetterThereIsNothingToWaitForOrStop) {
  EXPECT_TRUE(writer_.Flush(absl::ZeroDuration()));
  writer_.Stop();
  EXPECT_EQ(made_, 0);
}

TEST_F(DeadLetterWriterTest, ATopicWithoutANameTakesNone) {
  EXPECT_EQ(GetErrorDetails(*Write(std::string(249, 'g'))).reason,
            v1::ERROR_REASON_REQUEST_INVALID);
}

TEST_F(DeadLetterWriterTest, QueuesArePreparedWithTheirProducer) {
  kafka_.AddTopic("events", 3);
  fakes::ManualClock clock;
  fakes::ManualExecutor executor(clock);
  ClusterMonitor monitor(kafka_, executor, clock, ClusterMonitor::Options());
  DeadLetterQueues queues(kafka_, monitor, clock, [this] { return MakeProducer(); });
  make_error_ = absl::InternalError("no threads");
  EXPECT_EQ(queues.Prepare("g", {"events"}), make_error_);
  make_error_ = absl::OkStatus();
  ASSERT_TRUE(queues.Prepare("g", {"events"}).ok());
  EXPECT_EQ(made_, 2);
  ASSERT_EQ(kafka_.created().size(), 1u);
  EXPECT_THAT(kafka_.created()[0].name, HasSubstr(".g."));
}

}  // namespace
}  // namespace eventbus::bus
