#include "server/bus/catch_up.h"

#include <utility>

#include "server/base/mutex.h"
#include "server/bus/tail_hub.h"
#include "server/bus/tail_source.h"

namespace eventbus::bus {
namespace {

using OwnConsumer = absl::StatusOr<std::shared_ptr<kafka::Consumer>>;

constexpr absl::Duration kRetry = absl::Seconds(1);

// The look-up makes the first record come sooner, and tells of a topic that is denied.
OwnConsumer Open(const Context& context, const std::string& client_id,
                 const std::vector<kafka::TopicPartition>& partitions,
                 const std::function<void()>& wake) {
  auto consumer = context.consumers.MakeConsumer(client_id, wake);
  if (!consumer.ok()) return consumer.status();
  const auto marks = (*consumer)->QueryWatermarks(partitions, kLookUpTimeout);
  if (!marks.ok()) return marks.status();
  return OwnConsumer(*std::move(consumer));
}

}  // namespace

struct CatchUp::Result {
  Mutex mu;
  absl::optional<OwnConsumer> consumer ABSL_GUARDED_BY(mu);
};

CatchUp::CatchUp(const Context& context, std::string client_id, std::function<void()> wake)
    : context_(context), client_id_(std::move(client_id)), wake_(std::move(wake)) {}

CatchUp::~CatchUp() { Release(nullptr); }

void CatchUp::Ask(const std::vector<kafka::TopicPartition>& partitions) {
  if (result_ != nullptr) return;
  if (place_ == nullptr) place_ = context_.tails->catching_up().Ask(wake_);
  if (!place_->granted()) return;
  result_ = std::make_shared<Result>();
  context_.blocking.Post([context = context_, client_id = client_id_, partitions, wake = wake_,
                          result = result_, place = place_] {
    OwnConsumer opened = Open(context, client_id, partitions, wake);
    const bool away = absl::IsUnavailable(opened.status());
    {
      MutexLock lock(result->mu);
      result->consumer = std::move(opened);
    }
    if (away) {
      context.executor.PostAt(context.clock.Now() + kRetry, wake);
    } else {
      wake();
    }
  });
}

absl::optional<OwnConsumer> CatchUp::Take() {
  if (result_ == nullptr) return absl::nullopt;
  absl::optional<OwnConsumer> consumer;
  {
    MutexLock lock(result_->mu);
    consumer = std::exchange(result_->consumer, absl::nullopt);
  }
  if (!consumer.has_value()) return absl::nullopt;
  result_ = nullptr;
  if (absl::IsUnavailable(consumer->status())) return absl::nullopt;  // Asked again.
  return consumer;
}

void CatchUp::Release(std::shared_ptr<kafka::Consumer> consumer) {
  if (place_ == nullptr) return;
  context_.blocking.Post([consumer = std::move(consumer), result = std::move(result_),
                          place = std::move(place_)]() mutable {
    consumer.reset();
    result.reset();
    place.reset();
  });
  result_ = nullptr;
}

}  // namespace eventbus::bus
