#include "server/bus/topic_reader.h"

#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/bus/received_record.h"
#include "server/bus/tail_source.h"
#include "server/wire/decode.h"

namespace eventbus::bus {
namespace {

// A chunk: what is ready at once, up to so many records or, roughly, bytes.
constexpr std::size_t kChunkEvents = 256;
constexpr std::size_t kChunkBytes = 512u << 10;
constexpr absl::Duration kRefreshEnds = absl::Seconds(1);

std::vector<kafka::TopicPartition> Partitions(const std::string& topic, std::size_t count) {
  std::vector<kafka::TopicPartition> partitions;
  for (std::size_t i = 0; i < count; ++i) {
    partitions.push_back({topic, static_cast<std::int32_t>(i)});
  }
  return partitions;
}

std::vector<kafka::StartOffset> StartOffsets(const std::string& topic, const Positions& positions) {
  std::vector<kafka::StartOffset> starts;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    starts.push_back({{topic, static_cast<std::int32_t>(i)}, positions[i]});
  }
  return starts;
}

}  // namespace

std::shared_ptr<TopicReader> TopicReader::Make(const TopicReaderContext& context,
                                               TopicReaderOptions options, std::string topic,
                                               Positions starts, Stamp stamp) {
  std::shared_ptr<TopicReader> reader(
      new TopicReader(context, std::move(options), std::move(topic), std::move(starts), stamp));
  reader->task_->SetBody([weak = reader->weak_from_this()] {
    if (const auto self = weak.lock()) self->Step();
  });
  return reader;
}

TopicReader::TopicReader(const TopicReaderContext& context, TopicReaderOptions options,
                         std::string topic, Positions starts, Stamp stamp)
    : context_(context),
      options_(std::move(options)),
      topic_(std::move(topic)),
      task_(std::make_shared<SerialTask>(context.executor)),
      starts_(starts),
      window_(options_.window, std::move(starts), stamp, context.clock.Now()) {}

TopicReader::~TopicReader() { task_->Stop(); }

void TopicReader::Step() {
  TakeOpened();
  if (consumer_ == nullptr) {
    RequestOpen();
  } else {
    AddNewPartitions();
    Poll();
  }
  CloseIfUnused();
}

void TopicReader::RequestOpen() {
  if (opening_) return;
  if (context_.clock.Now() < open_at_) return task_->WakeAt(open_at_);
  opening_ = true;
  context_.blocking.Post(
      [self = shared_from_this(), starts = starts_, partitions = CountPartitions()] {
        auto opened = self->OpenConsumer(starts, partitions);
        {
          MutexLock lock(self->mu_);
          self->opened_ = std::move(opened);
        }
        self->task_->Wake();
      });
}

// As many as the topic has by now; where nobody knows, as many as were read.
std::size_t TopicReader::CountPartitions() const {
  const auto metadata = context_.monitor.latest();
  if (metadata == nullptr) return read_.size();
  const auto found = metadata->topics.find(topic_);
  if (found == metadata->topics.end()) return read_.size();
  return static_cast<std::size_t>(found->second.partitions);
}

// The look-up makes the first record come sooner, and tells of a topic that is denied.
absl::StatusOr<TopicReader::Opened> TopicReader::OpenConsumer(absl::optional<Positions> starts,
                                                              std::size_t partitions) {
  if (starts.has_value()) partitions = starts->size();
  auto consumer =
      context_.consumers.MakeConsumer(options_.client_id, [task = task_] { task->Wake(); });
  if (!consumer.ok()) return consumer.status();
  const auto marks = (*consumer)->QueryWatermarks(Partitions(topic_, partitions), kLookUpTimeout);
  if (!marks.ok()) return marks.status();
  Opened opened{*std::move(consumer), {}};
  if (starts.has_value()) {
    opened.starts = *std::move(starts);
  } else {
    for (const kafka::Watermarks& each : *marks) opened.starts.push_back(each.end);
  }
  return opened;
}

void TopicReader::TakeOpened() {
  absl::optional<absl::StatusOr<Opened>> opened;
  {
    MutexLock lock(mu_);
    opened = std::exchange(opened_, absl::nullopt);
  }
  if (!opened.has_value()) return;
  opening_ = false;
  if (opened->ok()) return Begin(**std::move(opened));
  open_at_ = context_.clock.Now() + options_.retry;
  // An outage is waited for; with anything else the members have to find out what is theirs.
  if (!absl::IsUnavailable(opened->status())) Restart();
}

void TopicReader::Begin(Opened opened) {
  if (absl::Status status = opened.consumer->Assign(StartOffsets(topic_, opened.starts));
      !status.ok()) {
    open_at_ = context_.clock.Now() + options_.retry;
    return Restart();
  }
  consumer_ = std::move(opened.consumer);
  read_ = std::move(opened.starts);
  if (std::exchange(starts_, absl::nullopt).has_value()) return;  // The windows begin there.
  window_.BeginAnew(read_, ++context_.stamps);
}

// What appears while it is read has nothing in it that is older than its members.
void TopicReader::AddNewPartitions() {
  const auto latest = context_.monitor.latest();
  if (latest == seen_) return;
  seen_ = latest;
  const std::size_t count = CountPartitions();
  if (count <= read_.size()) return;
  read_.resize(count, 0);
  if (!consumer_->Assign(StartOffsets(topic_, read_)).ok()) trouble_ = true;
}

void TopicReader::Poll() {
  const Positions begin = read_;
  wanted_ = window_.Wanted();
  const bool more = ReadBurst();
  if (read_ != begin) {
    TopicWindow::OfEachForm<std::shared_ptr<const Chunk>> chunks;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (wanted_[i]) chunks[i] = builders_[i].Take(begin, read_);
    }
    window_.Publish(std::move(chunks), read_);
  }
  if (std::exchange(trouble_, false)) return Restart();
  RefreshEnds();
  if (more) task_->Wake();
}

// True: there may be more at once.
bool TopicReader::ReadBurst() {
  for (std::size_t i = 0; i < kChunkEvents && !trouble_; ++i) {
    if (consumer_->Poll(1, *this) == 0) return false;
    if (builders_[0].bytes() + builders_[1].bytes() >= kChunkBytes) break;
  }
  return true;
}

void TopicReader::RefreshEnds() {
  const absl::Time now = context_.clock.Now();
  if (now < refresh_at_) return;
  refresh_at_ = now + kRefreshEnds;
  Positions ends = read_;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    ends[i] = std::max(ends[i], consumer_->CachedEnd({topic_, static_cast<std::int32_t>(i)}));
  }
  window_.SetEnds(std::move(ends));
}

// The members are out: each finds out for itself what became of its position.
void TopicReader::Restart() {
  DropConsumer();
  starts_.reset();
  open_at_ = context_.clock.Now() + options_.retry;
  window_.Stop();
  task_->Wake();
}

// To close a consumer may take a while: not on this thread.
void TopicReader::DropConsumer() {
  if (consumer_ == nullptr) return;
  context_.blocking.Post([consumer = std::move(consumer_)]() mutable { consumer.reset(); });
  consumer_ = nullptr;
}

// Members may come between the two looks: closed is only what has none.
void TopicReader::CloseIfUnused() {
  const absl::optional<absl::Time> since = window_.unused_since();
  if (!since.has_value() || opening_) return;  // A consumer to come would be left behind.
  const absl::Time close_at = *since + options_.linger;
  if (context_.clock.Now() < close_at) return task_->WakeAt(close_at);
  if (!window_.Close()) return;
  DropConsumer();
  task_->Stop();
}

void TopicReader::OnRecord(const kafka::RecordView& record) {
  const auto partition = static_cast<std::size_t>(record.partition);
  if (partition >= read_.size() || record.offset < read_[partition]) return;
  read_[partition] = record.offset + 1;
  if (!wanted_[0] && !wanted_[1]) return;
  const auto body =
      wire::Decode(context_.plan, *context_.plan.FindByTopic(record.topic), record.value);
  const wire::ReceivedRecord received = ToReceived(record);
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    if (wanted_[i]) builders_[i].Add(received, body);
  }
}

void TopicReader::OnPartitionEnd(const kafka::TopicPartition& partition, std::int64_t next_offset) {
  const auto index = static_cast<std::size_t>(partition.partition);
  if (index < read_.size()) read_[index] = std::max(read_[index], next_offset);
}

void TopicReader::OnPositionLost(const kafka::TopicPartition& /*partition*/) { trouble_ = true; }

void TopicReader::OnError(const absl::Status& error) {
  Log(LogLevel::kWarning, "reading for tails stopped",
      {{"topic", topic_}, {"error", std::string(error.message())}});
  trouble_ = true;
}

std::unique_ptr<TopicReader::Member> TopicReader::Enter(bool include_json,
                                                        std::function<void()> wake) {
  auto member = std::make_unique<Member>(shared_from_this(), include_json, std::move(wake));
  if (!window_.Enter(member->member_)) return nullptr;
  task_->Wake();
  return member;
}

TopicReader::Member::Member(std::shared_ptr<TopicReader> reader, bool include_json,
                            std::function<void()> wake)
    : reader_(std::move(reader)), member_{include_json, std::move(wake)} {}

TopicReader::Member::~Member() {
  if (reader_->window_.Leave(member_, reader_->context_.clock.Now())) reader_->task_->Wake();
}

}  // namespace eventbus::bus
