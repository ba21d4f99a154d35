#pragma once

#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/bus/cluster_monitor.h"
#include "server/event/catalog.h"
#include "server/kafka/admin.h"
#include "server/kafka/consumer.h"
#include "server/wire/plan.h"

namespace eventbus::bus {

class AckRegistry;
class DeadLetters;
class GroupInspector;
class TailHub;

// What every subscription needs of the server; all of it outlives them.
struct Context {
  const event::Catalog& catalog;
  const wire::Plan& plan;
  kafka::Admin& admin;
  kafka::ConsumerFactory& consumers;
  const ClusterMonitor& monitor;
  // Runs the subscriptions; its threads must not block.
  Executor& executor;
  // Runs look-ups, which do.
  Executor& blocking;
  const Clock& clock;
  // What tails share; null where there are none.
  TailHub* tails = nullptr;
  // By whom events are settled; null where nobody does.
  AckRegistry* acks = nullptr;
  // Where events go that are given up; null where none can be.
  DeadLetters* dead_letters = nullptr;
  // By whom groups are asked what they have; null where nobody asks.
  GroupInspector* inspector = nullptr;
};

}  // namespace eventbus::bus
