#include "server/bus/publish_batch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/wire/publish_batch.h"

namespace eventbus::bus {
namespace {

bool IsQueueFull(const absl::Status& status) {
  return GetErrorDetails(status).reason == v1::ERROR_REASON_PUBLISH_QUEUE_FULL;
}

}  // namespace

void PublishBatch::Unref::operator()(PublishBatch* batch) const {
  if (batch->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete batch;
}

absl::StatusOr<PublishBatch::Ptr> PublishBatch::Make(absl::string_view message,
                                                     std::shared_ptr<const void> owner,
                                                     OnDone on_done) {
  auto requests = wire::SplitPublishRequests(message);
  if (!requests.ok()) return requests.status();
  return Ptr(
      new PublishBatch(*std::move(requests), message.size(), std::move(owner), std::move(on_done)));
}

PublishBatch::PublishBatch(std::vector<absl::string_view> requests, std::size_t bytes,
                           std::shared_ptr<const void> owner, OnDone on_done)
    : bytes_(bytes),
      remaining_(requests.size()),
      results_(requests.size()),
      on_done_(std::move(on_done)),
      requests_(std::move(requests)),
      owner_(std::move(owner)) {}

PublishBatch::Ptr PublishBatch::Share() {
  references_.fetch_add(1, std::memory_order_relaxed);
  return Ptr(this);
}

bool PublishBatch::Produce(Publisher& publisher, absl::string_view traceparent,
                           WhenFull when_full) {
  while (next_ < results_.size() && !abandoned_.load(std::memory_order_relaxed)) {
    if (!ProduceOne(publisher, traceparent, when_full)) return false;
    ++next_;
  }
  Release();
  return true;
}

bool PublishBatch::ProduceOne(Publisher& publisher, absl::string_view traceparent,
                              WhenFull when_full) {
  absl::Status status = prepared_.has_value() ? absl::OkStatus() : Prepare(publisher, traceparent);
  if (status.ok()) {
    kafka::Producer::DoneCallback done =
        [batch = Share(), index = next_](const absl::StatusOr<kafka::Position>& result) {
          batch->Settle(index, result);
        };
    status = publisher.Produce(prepared_->record, done);
  }
  if (!status.ok()) {
    if (when_full == WhenFull::kPause && IsQueueFull(status)) return false;
    Settle(next_, status);
  }
  prepared_.reset();
  return true;
}

absl::Status PublishBatch::Prepare(Publisher& publisher, absl::string_view traceparent) {
  absl::StatusOr<PreparedEvent> event =
      publisher.Prepare(requests_[next_], absl::StrCat("requests[", next_, "]."), traceparent);
  if (!event.ok()) return event.status();
  results_[next_].event_id = std::move(event->event_id);
  results_[next_].topic = &event->topic->name;
  prepared_ = *std::move(event);
  return absl::OkStatus();
}

void PublishBatch::Refuse(const absl::Status& error) {
  for (; next_ < results_.size(); ++next_) Settle(next_, error);
  Release();
}

void PublishBatch::GiveUp(const absl::Status& error) {
  for (std::size_t i = 0; i < next_; ++i) Settle(i, error);
}

void PublishBatch::Settle(std::size_t index, const absl::StatusOr<kafka::Position>& result) {
  Result& out = results_[index];
  if (out.settled.exchange(true, std::memory_order_relaxed)) return;
  if (result.ok()) {
    out.position = *result;
  } else {
    out.status = result.status();
  }
  if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) on_done_(*this);
}

void PublishBatch::Release() {
  prepared_.reset();
  requests_ = {};
  owner_.reset();
}

std::string PublishBatch::Response() const {
  wire::PublishResults results;
  for (const Result& result : results_) {
    if (result.status.ok()) {
      results.AddPublished(result.event_id, *result.topic, result.position.partition,
                           result.position.offset);
    } else {
      results.AddError(result.status);
    }
  }
  return results.Take();
}

}  // namespace eventbus::bus
