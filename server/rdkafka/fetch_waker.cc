#include "server/rdkafka/fetch_waker.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "server/rdkafka/handles.h"
#include "server/rdkafka/partition_list.h"

namespace eventbus::rdkafka {
namespace {

constexpr int kHasBackoffSetting = 0x02020000;

// The limit of the prefetch.
std::size_t PrefetchBytes(rd_kafka_t* client) {
  char text[32] = "";
  std::size_t size = sizeof text;
  std::size_t kilobytes = 0;
  rd_kafka_conf_get(rd_kafka_conf(client), "queued.max.messages.kbytes", text, &size);
  return absl::SimpleAtoi(text, &kilobytes) ? kilobytes * 1024 : 0;
}

}  // namespace

FetchWaker::FetchWaker(rd_kafka_t* client)
    : client_(client),
      much_(rd_kafka_version() >= kHasBackoffSetting ? 0 : PrefetchBytes(client) / 2) {}

void FetchWaker::OnRecord(const rd_kafka_message_t& message) {
  if (much_ == 0) return;
  taken_ += message.len + message.key_len;
  const auto known =
      std::find_if(sources_.rbegin(), sources_.rend(), [&message](const Source& source) {
        return source.id == message.rkt && source.partition.partition == message.partition;
      });
  if (known == sources_.rend()) {
    sources_.push_back({message.rkt, {rd_kafka_topic_name(message.rkt), message.partition}});
  } else if (known != sources_.rbegin()) {
    std::iter_swap(known, sources_.rbegin());  // The next is likely to be from there, too.
  }
}

void FetchWaker::OnEmpty() {
  if (much_ > 0 && taken_ >= much_) Wake();
  taken_ = 0;
  sources_.clear();
}

// The answer is not waited for: the question is what wakes.
void FetchWaker::Wake() {
  std::vector<kafka::TopicPartition> partitions;
  for (const Source& source : sources_) partitions.push_back(source.partition);
  const PartitionsHolder list = ToList(partitions, RD_KAFKA_OFFSET_END);
  rd_kafka_offsets_for_times(client_, list.get(), /*timeout_ms=*/0);
}

}  // namespace eventbus::rdkafka
