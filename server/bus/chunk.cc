#include "server/bus/chunk.h"

#include <algorithm>

#include "server/bus/batch.h"

namespace eventbus::bus {

void ChunkBuilder::Add(const wire::ReceivedRecord& record,
                       const std::variant<wire::Decoded, wire::Undecodable>& body) {
  wire::AppendReceivedEvent(record, body, include_json_, Batch::MaxEventBytes(), bytes_);
  entries_.push_back(
      {record.offset, record.partition, static_cast<std::uint32_t>(bytes_.size()), TypeOf(body)});
}

// A chunk has a handful of types: a scan is faster than a table.
std::int32_t ChunkBuilder::TypeOf(const std::variant<wire::Decoded, wire::Undecodable>& body) {
  const auto* decoded = std::get_if<wire::Decoded>(&body);
  if (decoded == nullptr) return Chunk::kUndecodable;
  const auto found = std::find(types_.begin(), types_.end(), decoded->event_type);
  if (found != types_.end()) return static_cast<std::int32_t>(found - types_.begin());
  types_.push_back(decoded->event_type);
  return static_cast<std::int32_t>(types_.size()) - 1;
}

std::shared_ptr<const Chunk> ChunkBuilder::Take(Positions begin, Positions next) {
  auto chunk = std::make_shared<Chunk>();
  chunk->bytes = std::make_shared<const std::string>(bytes_);
  chunk->entries = entries_;
  chunk->types = std::exchange(types_, {});
  chunk->begin = std::move(begin);
  chunk->next = std::move(next);
  bytes_.clear();
  entries_.clear();
  return chunk;
}

}  // namespace eventbus::bus
