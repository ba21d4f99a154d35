#include "server/bus/publish_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using WhenFull = PublishBatch::WhenFull;

constexpr char kId[] = "d23f0824-128b-4f33-8c5c-7fd0a6a3a450";

// The documents `first` to `last`.
v1::PublishBatchRequest Documents(int first, int last) {
  v1::PublishBatchRequest batch;
  for (int i = first; i <= last; ++i) batch.add_requests()->set_json(fakes::DocumentJson(i));
  return batch;
}

class PublishBatchTest : public testing::Test {
 protected:
  PublishBatch::Ptr Make(const v1::PublishBatchRequest& request) {
    auto bytes = std::make_shared<const std::string>(request.SerializeAsString());
    owner_ = bytes;
    auto batch = PublishBatch::Make(*bytes, bytes, [this](const PublishBatch& done) {
      ++answers_;
      EXPECT_TRUE(response_.ParseFromString(done.Response()));
    });
    return *std::move(batch);
  }

  bool Produce(PublishBatch& batch, WhenFull when_full = WhenFull::kRefuse) {
    return batch.Produce(publisher_, "", when_full);
  }

  // The number in each record's file name, in the order of the log.
  std::vector<std::string> Written() const {
    std::vector<std::string> written;
    for (const kafka::OutgoingRecord& record : kafka_.produced()) {
      const std::size_t at = record.value->find("\"filename\":\"") + 12;
      written.push_back(record.value->substr(at, record.value->find('"', at) - at));
    }
    return written;
  }

  void FillQueue() {
    kafka_.SetProduceError(MakeRetryError(v1::ERROR_REASON_PUBLISH_QUEUE_FULL, "full"));
  }
  ErrorReason ReasonOf(int index) const { return response_.results(index).error().reason(); }

  fakes::ManualClock clock_;
  fakes::FakeKafka kafka_;
  Publisher publisher_{*fakes::Schema::Get().plan, kafka_, clock_, PublisherOptions()};
  std::weak_ptr<const std::string> owner_;
  int answers_ = 0;
  v1::PublishBatchResponse response_;
};

TEST_F(PublishBatchTest, EachResultIsInItsRequestsPlace) {
  const auto batch = Make(Documents(1, 3));
  EXPECT_TRUE(Produce(*batch));
  EXPECT_EQ(answers_, 1);
  ASSERT_EQ(response_.results_size(), 3);
  for (int i = 0; i < 3; ++i) {
    const v1::PublishResponse& published = response_.results(i).published();
    EXPECT_EQ(published.event_id(), "00000000-0000-4000-8000-00000000000" + std::to_string(i + 1));
    EXPECT_EQ(published.topic(), "document-events");
    EXPECT_EQ(published.offset(), i);
  }
  EXPECT_THAT(Written(), ElementsAre("f1", "f2", "f3"));
}

TEST_F(PublishBatchTest, IsDoneWithItsLastReportWhateverTheirOrder) {
  kafka_.HoldDeliveries();
  const auto batch = Make(Documents(1, 2));
  Produce(*batch);
  EXPECT_FALSE(batch->done());
  kafka_.Deliver(kafka::Position{1, 5});
  EXPECT_EQ(answers_, 0);
  kafka_.Deliver(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  EXPECT_TRUE(batch->done());
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(response_.results(0).published().offset(), 5);
  EXPECT_EQ(ReasonOf(1), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
  EXPECT_EQ(response_.results(1).error().retry_delay().seconds(), 1);
}

TEST_F(PublishBatchTest, WhatIsRefusedNamesItsPlaceAndTheOthersAreWritten) {
  v1::PublishBatchRequest request = Documents(1, 3);
  auto& document = *request.mutable_requests(1)->mutable_event()->mutable_document();
  document.set_event_type(events::v1::DOCUMENT_EVENT_TYPE_UPLOADED);
  document.set_document_id("7");
  request.mutable_requests(2)->set_json("{}");
  request.add_requests()->set_json(fakes::DocumentJson(4));
  const auto batch = Make(request);
  Produce(*batch);
  EXPECT_THAT(Written(), ElementsAre("f1", "f4"));
  EXPECT_TRUE(response_.results(0).has_published());
  EXPECT_TRUE(response_.results(3).has_published());
  const v1::PublishError& typed = response_.results(1).error();
  EXPECT_EQ(typed.reason(), v1::ERROR_REASON_EVENT_INVALID);
  EXPECT_EQ(typed.field_violations(0).field(), "requests[1].event.document.document_id");
  const v1::PublishError& json = response_.results(2).error();
  EXPECT_EQ(json.field_violations(0).field(), "requests[2].json.event_type");
}

TEST_F(PublishBatchTest, BrokenBytesInsideARequestFailThatResultAlone) {
  const std::string good = Documents(1, 1).SerializeAsString();
  const std::string message = good + std::string("\x0a\x02\x0a\x7f") + good;
  auto batch = PublishBatch::Make(message, nullptr, [this](const PublishBatch& done) {
    EXPECT_TRUE(response_.ParseFromString(done.Response()));
  });
  Produce(**batch);
  EXPECT_TRUE(response_.results(0).has_published());
  EXPECT_EQ(ReasonOf(1), v1::ERROR_REASON_REQUEST_INVALID);
  EXPECT_EQ(response_.results(1).error().field_violations(0).field(), "requests[1].request");
  EXPECT_TRUE(response_.results(2).has_published());
}

TEST_F(PublishBatchTest, BrokenFramingIsRefusedAsAWhole) {
  const auto batch = PublishBatch::Make("\x0a\x7fx", nullptr, [](const PublishBatch&) {});
  EXPECT_EQ(GetErrorDetails(batch.status()).reason, v1::ERROR_REASON_REQUEST_INVALID);
}

TEST_F(PublishBatchTest, AFullQueueRefusesEventByEvent) {
  FillQueue();
  const auto batch = Make(Documents(1, 2));
  EXPECT_TRUE(Produce(*batch));
  EXPECT_EQ(ReasonOf(0), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
  EXPECT_EQ(ReasonOf(1), v1::ERROR_REASON_PUBLISH_QUEUE_FULL);
}

TEST_F(PublishBatchTest, AFullQueuePausesAndNothingIsReordered) {
  const auto batch = Make(Documents(1, 3));
  FillQueue();
  EXPECT_FALSE(Produce(*batch, WhenFull::kPause));
  EXPECT_FALSE(Produce(*batch, WhenFull::kPause));
  EXPECT_EQ(answers_, 0);
  kafka_.SetProduceError(absl::OkStatus());
  EXPECT_TRUE(Produce(*batch, WhenFull::kPause));
  EXPECT_THAT(Written(), ElementsAre("f1", "f2", "f3"));
  EXPECT_EQ(answers_, 1);
}

TEST_F(PublishBatchTest, AnEventThatWaitedKeepsItsAssignedId) {
  v1::PublishBatchRequest request;
  auto& document = *request.add_requests()->mutable_event()->mutable_document();
  document.set_event_type(events::v1::DOCUMENT_EVENT_TYPE_UPLOADED);
  document.set_document_id(kId);
  document.set_classroom_id(kId);
  document.set_user_id(kId);
  const auto batch = Make(request);
  FillQueue();
  Produce(*batch, WhenFull::kPause);
  kafka_.SetProduceError(absl::OkStatus());
  Produce(*batch, WhenFull::kPause);
  const std::string id = response_.results(0).published().event_id();
  EXPECT_THAT(*kafka_.produced().at(0).value, testing::HasSubstr(id));
  EXPECT_NE(id, "");
}

TEST_F(PublishBatchTest, OtherRefusalsOfTheProducerDoNotPause) {
  kafka_.SetProduceError(MakeRetryError(v1::ERROR_REASON_KAFKA_UNAVAILABLE, "away"));
  const auto batch = Make(Documents(1, 1));
  EXPECT_TRUE(Produce(*batch, WhenFull::kPause));
  EXPECT_EQ(ReasonOf(0), v1::ERROR_REASON_KAFKA_UNAVAILABLE);
}

TEST_F(PublishBatchTest, GivingUpAnswersWhatIsHandedOnAndLateReportsCountForNothing) {
  kafka_.HoldDeliveries();
  const auto batch = Make(Documents(1, 3));
  Produce(*batch);
  kafka_.Deliver(kafka::Position{0, 7});
  batch->GiveUp(OutcomeUnknown());
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(response_.results(0).published().offset(), 7);
  EXPECT_EQ(ReasonOf(1), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  EXPECT_EQ(ReasonOf(2), v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
  kafka_.Deliver(kafka::Position{0, 8});
  kafka_.Deliver(kafka::Position{0, 9});
  EXPECT_EQ(answers_, 1);
}

TEST_F(PublishBatchTest, WhatWasNotHandedOnIsRefusedWithAnErrorOfItsOwn) {
  kafka_.HoldDeliveries();
  const auto batch = Make(Documents(1, 2));
  FillQueue();
  Produce(*batch, WhenFull::kPause);
  batch->GiveUp(OutcomeUnknown());
  EXPECT_EQ(answers_, 0);
  batch->Refuse(MakeError(v1::ERROR_REASON_SERVER_DRAINING, "drained"));
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(ReasonOf(0), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(ReasonOf(1), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_TRUE(kafka_.produced().empty());
}

TEST_F(PublishBatchTest, ADrainIsTheResultOfEachEvent) {
  publisher_.Drain();
  const auto batch = Make(Documents(1, 2));
  Produce(*batch);
  EXPECT_EQ(ReasonOf(0), v1::ERROR_REASON_SERVER_DRAINING);
  EXPECT_EQ(response_.results(1).error().retry_delay().seconds(), 2);
}

TEST_F(PublishBatchTest, LetsGoOfItsBytesOnceAllIsHandedOn) {
  kafka_.HoldDeliveries();
  FillQueue();
  const auto batch = Make(Documents(1, 2));
  Produce(*batch, WhenFull::kPause);
  EXPECT_FALSE(owner_.expired());
  kafka_.SetProduceError(absl::OkStatus());
  Produce(*batch, WhenFull::kPause);
  EXPECT_TRUE(owner_.expired());
  EXPECT_FALSE(batch->done());
}

TEST_F(PublishBatchTest, AnAbandonedOneHandsOnNoMore) {
  FillQueue();
  const auto batch = Make(Documents(1, 2));
  Produce(*batch, WhenFull::kPause);
  batch->Abandon();
  kafka_.SetProduceError(absl::OkStatus());
  EXPECT_TRUE(Produce(*batch, WhenFull::kPause));
  EXPECT_TRUE(kafka_.produced().empty());
  EXPECT_EQ(answers_, 0);
  EXPECT_TRUE(owner_.expired());
}

TEST_F(PublishBatchTest, AReportThatComesAfterAllElseStillHasItsBatch) {
  kafka_.HoldDeliveries();
  auto batch = Make(Documents(1, 1));
  Produce(*batch);
  batch.reset();
  kafka_.Deliver(kafka::Position{0, 3});
  EXPECT_EQ(response_.results(0).published().offset(), 3);
}

TEST_F(PublishBatchTest, OfReportsAndADeadlineThatRaceOneCountsForEachEvent) {
  kafka_.HoldDeliveries();
  constexpr int kEvents = 20;
  for (int round = 1; round <= 200; ++round) {
    const auto batch = Make(Documents(1, kEvents));
    Produce(*batch);
    std::latch start(2);
    std::thread reports([&] {
      start.arrive_and_wait();
      for (int i = 0; i < kEvents; ++i) kafka_.Deliver(kafka::Position{0, 1});
    });
    start.arrive_and_wait();
    batch->GiveUp(OutcomeUnknown());
    reports.join();
    ASSERT_EQ(answers_, round);
    for (const v1::PublishResult& result : response_.results()) {
      ASSERT_TRUE(result.published().offset() == 1 ||
                  result.error().reason() == v1::ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN);
    }
  }
}

}  // namespace
}  // namespace eventbus::bus
