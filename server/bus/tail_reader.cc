#include "server/bus/tail_reader.h"

#include <algorithm>
#include <utility>

#include "server/bus/tail_hub.h"

namespace eventbus::bus {

TailReader::TailReader(const Context& context, ReaderOptions options, std::string client_id,
                       std::function<void()> wake)
    : context_(context),
      include_json_(options.include_json),
      stop_at_end_(options.stop_at_end),
      wake_(std::move(wake)),
      reader_(context.plan, std::move(options)),
      catch_up_(context, std::move(client_id), wake_) {}

void TailReader::Begin(const Cursors& cursors, Stamp stamp) {
  reader_.SetCursors(cursors);
  std::set<std::string> names;
  for (const Cursors::Cursor& cursor : cursors.all()) names.insert(cursor.partition.topic);
  for (const std::string& name : names) Enter(name, stamp);
  Arrange();
}

void TailReader::Add(const kafka::TopicPartition& partition) {
  reader_.Add(partition);
  IndexCursors();
  const auto known = std::find_if(topics_.begin(), topics_.end(), [&](const Topic& topic) {
    return topic.name == partition.topic;
  });
  if (known == topics_.end()) return Enter(partition.topic, context_.tails->NextStamp());
  if (known->member != nullptr) known->member->Poke();
  if (!known->chunk.has_value()) own_.erase(known->name);  // To be assigned again.
}

// One that reads to an end seen at its start opens no window: what comes after is not for it.
void TailReader::Enter(const std::string& name, Stamp stamp) {
  Topic topic;
  topic.name = name;
  topic.stamp = stamp;
  topics_.push_back(std::move(topic));
  IndexCursors();
  Positions ends;
  for (const int index : topics_.back().cursors) ends.push_back(CursorAt(index).end_at_start);
  TailHub& hub = *context_.tails;
  topics_.back().member = stop_at_end_
                              ? hub.EnterIfOpen(name, include_json_, wake_)
                              : hub.Enter(name, ends, include_json_, wake_, topics_.back().stamp);
}

void TailReader::IndexCursors() {
  for (Topic& topic : topics_) {
    topic.cursors.clear();
    for (std::int32_t partition = 0;; ++partition) {
      const int index = reader_.cursors().Find(topic.name, partition);
      if (index < 0) break;
      topic.cursors.push_back(index);
    }
  }
}

bool TailReader::Read(int most, bool writing) {
  if (!writing) gave_way_ = false;
  bool more = Arrange();
  const bool alone = reader_.consumer() == nullptr;
  if (alone && writing)
    return more;  // What there is will still be in the window, or be read again.
  if (shared_first_) ReadShared();
  if (reader_.Read(most)) more = true;
  if (!shared_first_) ReadShared();
  return Arrange() || more;
}

Message TailReader::TakeBatch() {
  shared_first_ = !shared_first_;
  ++first_;
  return reader_.TakeBatch();
}

void TailReader::RefreshEnds() {
  for (const Topic& topic : topics_) {
    if (topic.member == nullptr) continue;
    const Positions ends = topic.member->Ends();
    for (std::size_t i = 0; i < ends.size() && i < topic.cursors.size(); ++i) {
      reader_.SetEnd(topic.cursors[i], ends[i]);
    }
  }
  reader_.RefreshEnds();
}

bool TailReader::joined() const {
  return std::all_of(topics_.begin(), topics_.end(),
                     [](const Topic& topic) { return topic.chunk.has_value(); });
}

void TailReader::GiveWay() {
  gave_way_ = true;
  catch_up_.Release(reader_.Release());
}

void TailReader::Release() {
  catch_up_.Release(reader_.Release());
  topics_.clear();
}

bool TailReader::Arrange() {
  if (reader_.lost().has_value() || error().has_value() || reached_end()) return false;
  bool joined = false;
  bool doubted = false;
  std::set<std::string> behind;
  for (Topic& topic : topics_) {
    if (topic.chunk.has_value()) continue;
    if (Join(topic)) {
      joined = true;
      continue;
    }
    const auto since = topic.member == nullptr ? absl::nullopt : topic.member->since();
    if (since.has_value() && topic.stamp < *since) {
      Doubt(topic);
      doubted = true;
    }
    behind.insert(topic.name);
  }
  ReadOwn(behind, doubted);
  return joined;
}

bool TailReader::Join(Topic& topic) {
  if (topic.member == nullptr || !IsSound(topic)) return false;
  Positions read;
  for (const int index : topic.cursors) read.push_back(CursorAt(index).read);
  topic.chunk = topic.member->Find(read, topic.stamp);
  topic.entry = 0;
  if (topic.chunk.has_value()) context_.tails->CountJoin();
  return topic.chunk.has_value();
}

bool TailReader::IsSound(Topic& topic) {
  topic.sound = topic.sound || std::all_of(topic.cursors.begin(), topic.cursors.end(),
                                           [this](int i) { return CursorAt(i).confirmed; });
  return topic.sound;
}

void TailReader::Doubt(Topic& topic) {
  topic.stamp = context_.tails->NextStamp();
  topic.sound = false;
}

void TailReader::ReadOwn(const std::set<std::string>& behind, bool changed) {
  if (behind.empty()) {
    own_.clear();
    return catch_up_.Release(reader_.Release());
  }
  if (gave_way_) return;
  if (reader_.consumer() == nullptr) {
    auto opened = catch_up_.Take();
    if (!opened.has_value()) return catch_up_.Ask(PartitionsOf(behind));
    if (!opened->ok()) {
      error_ = opened->status();
      return;
    }
    reader_.SetConsumer(**std::move(opened));
    changed = true;
  }
  if (!changed && behind == own_) return;
  own_ = behind;
  reader_.ReadOnly(behind);
  if (absl::Status status = reader_.GoOn(); !status.ok()) error_ = status;
}

std::vector<kafka::TopicPartition> TailReader::PartitionsOf(
    const std::set<std::string>& topics) const {
  std::vector<kafka::TopicPartition> partitions;
  for (const Cursors::Cursor& cursor : reader_.cursors().all()) {
    if (topics.contains(cursor.partition.topic)) partitions.push_back(cursor.partition);
  }
  return partitions;
}

void TailReader::ReadShared() {
  for (std::size_t i = 0; i < topics_.size(); ++i) {
    Topic& topic = topics_[(first_ + i) % topics_.size()];
    if (topic.chunk.has_value()) ReadShared(topic);
  }
}

void TailReader::ReadShared(Topic& topic) {
  while (reader_.has_room()) {
    const TopicWindow::Found found = topic.member->Next(*topic.chunk);
    if (found.lost) {
      context_.tails->CountLeave();
      topic.chunk.reset();
      const auto since = topic.member->since();
      if (!since.has_value() || topic.stamp < *since) Doubt(topic);
      return wake_();
    }
    if (found.chunk == nullptr) return;
    AddPartitionsOf(*found.chunk, topic);
    const Taken taken = reader_.Take(*found.chunk, topic.entry, topic.cursors);
    topic.entry = taken.next;
    if (taken.next < found.chunk->entries.size()) return;
    ++*topic.chunk;
    topic.entry = 0;
  }
}

// The shared reader may hear of a partition first.
void TailReader::AddPartitionsOf(const Chunk& chunk, Topic& topic) {
  while (topic.cursors.size() < chunk.next.size()) {
    reader_.Add({topic.name, static_cast<std::int32_t>(topic.cursors.size())});
    IndexCursors();
  }
}

}  // namespace eventbus::bus
