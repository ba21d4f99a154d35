#pragma once

#include "server/kafka/record.h"
#include "server/wire/delivery.h"

namespace eventbus::bus {

// A record that was read, as its delivery names it. Views what `record` views.
wire::ReceivedRecord ToReceived(const kafka::RecordView& record);

}  // namespace eventbus::bus
