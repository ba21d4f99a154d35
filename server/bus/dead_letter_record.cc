#include "server/bus/dead_letter_record.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace eventbus::bus {
namespace {

constexpr std::size_t kAdded = 7;

absl::optional<std::string> Copy(const absl::optional<absl::string_view>& text) {
  if (!text.has_value()) return absl::nullopt;
  return std::string(*text);
}

void AddOrigin(const DeadLetter& letter, std::vector<kafka::Header>& headers) {
  const kafka::RecordView& record = letter.record.view();
  const auto add = [&headers](absl::string_view name, std::string value) {
    headers.push_back({absl::StrCat("eventbus-dlq-", name), std::move(value)});
  };
  add("topic", std::string(record.topic));
  add("partition", absl::StrCat(record.partition));
  add("offset", absl::StrCat(record.offset));
  add("timestamp", absl::StrCat(record.timestamp_ms));
  add("group", letter.group);
  add("attempts", absl::StrCat(letter.deliveries));
  add("reason", letter.reason);
}

}  // namespace

kafka::OutgoingRecord MakeDeadLetterRecord(const DeadLetter& letter, std::string topic) {
  const kafka::RecordView& record = letter.record.view();
  kafka::OutgoingRecord out;
  out.topic = std::move(topic);
  out.partition = record.partition;
  out.key = Copy(record.key);
  out.value = Copy(record.value);
  out.headers.reserve(record.headers.size() + kAdded);
  for (const kafka::HeaderView& header : record.headers) {
    out.headers.push_back({std::string(header.key), Copy(header.value)});
  }
  AddOrigin(letter, out.headers);
  return out;
}

}  // namespace eventbus::bus
