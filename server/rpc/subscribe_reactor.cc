#include "server/rpc/subscribe_reactor.h"

#include <utility>

namespace eventbus::rpc {

std::shared_ptr<SubscribeReactor> SubscribeReactor::Make(grpc::CallbackServerContext* context,
                                                         Executor& timers, const Clock& clock,
                                                         OnDoneFn on_done) {
  std::shared_ptr<SubscribeReactor> reactor(
      new SubscribeReactor(context, timers, clock, std::move(on_done)));
  reactor->Hold();
  reactor->StartSendInitialMetadata();
  return reactor;
}

}  // namespace eventbus::rpc
