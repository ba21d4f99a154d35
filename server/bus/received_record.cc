#include "server/bus/received_record.h"

namespace eventbus::bus {

wire::ReceivedRecord ToReceived(const kafka::RecordView& record) {
  wire::ReceivedRecord received{record.topic,
                                record.partition,
                                record.offset,
                                record.timestamp_ms,
                                record.key,
                                record.value,
                                {}};
  received.headers.reserve(record.headers.size());
  for (const kafka::HeaderView& header : record.headers) {
    received.headers.push_back({header.key, header.value.value_or("")});
  }
  return received;
}

}  // namespace eventbus::bus
