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
      since_(stamp),
      position_(starts),
      ends_(std::move(starts)),
      unused_since_(context.clock.Now()) {}

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
  Wakes wakes;
  {
    MutexLock lock(mu_);
    since_ = ++context_.stamps;
    position_ = read_;
    ends_ = read_;
    for (Form& form : forms_) {
      if (form.window.has_value()) form.window->Restart(read_);
    }
    wakes = TakeWakes(/*all=*/true);
  }
  for (const auto& wake : wakes) wake();
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
  {
    MutexLock lock(mu_);
    for (std::size_t i = 0; i < forms_.size(); ++i) building_[i] = forms_[i].window.has_value();
  }
  const bool more = ReadBurst();
  if (read_ != begin) Publish(begin);
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

void TopicReader::Publish(const Positions& begin) {
  std::array<std::shared_ptr<const Chunk>, 2> chunks;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (building_[i]) chunks[i] = builders_[i].Take(begin, read_);
  }
  Wakes wakes;
  {
    MutexLock lock(mu_);
    position_ = read_;
    ends_.resize(read_.size(), 0);
    for (std::size_t i = 0; i < read_.size(); ++i) ends_[i] = std::max(ends_[i], read_[i]);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      absl::optional<ChunkWindow>& window = forms_[i].window;
      if (!window.has_value()) continue;
      if (chunks[i] != nullptr) {
        window->Append(std::move(chunks[i]));
      } else {
        window->Restart(read_);  // It came while the chunk was read.
      }
    }
    wakes = TakeWakes(/*all=*/false);
  }
  for (const auto& wake : wakes) wake();
}

void TopicReader::RefreshEnds() {
  const absl::Time now = context_.clock.Now();
  if (now < refresh_at_) return;
  refresh_at_ = now + kRefreshEnds;
  Positions ends = read_;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    ends[i] = std::max(ends[i], consumer_->CachedEnd({topic_, static_cast<std::int32_t>(i)}));
  }
  MutexLock lock(mu_);
  ends_ = std::move(ends);
}

// The members are out: each finds out for itself what became of its position.
void TopicReader::Restart() {
  DropConsumer();
  starts_.reset();
  open_at_ = context_.clock.Now() + options_.retry;
  Wakes wakes;
  {
    MutexLock lock(mu_);
    since_.reset();
    for (Form& form : forms_) {
      if (form.window.has_value()) form.window->Restart(position_);
    }
    wakes = TakeWakes(/*all=*/true);
  }
  for (const auto& wake : wakes) wake();
  task_->Wake();
}

// To close a consumer may take a while: not on this thread.
void TopicReader::DropConsumer() {
  if (consumer_ == nullptr) return;
  context_.blocking.Post([consumer = std::move(consumer_)]() mutable { consumer.reset(); });
  consumer_ = nullptr;
}

// Members may come and go between the two looks: closed is only what has none, and has had none for
// a while.
void TopicReader::CloseIfUnused() {
  const absl::optional<absl::Time> close_at = CloseAt();
  if (!close_at.has_value()) return;
  if (context_.clock.Now() < *close_at) return task_->WakeAt(*close_at);
  absl::optional<absl::StatusOr<Opened>> opened;  // Closed after the lock.
  {
    MutexLock lock(mu_);
    if (!members_.empty()) return;
    closed_ = true;
    for (Form& form : forms_) form.window.reset();
    opened = std::exchange(opened_, absl::nullopt);
  }
  DropConsumer();
  task_->Stop();
}

absl::optional<absl::Time> TopicReader::CloseAt() const {
  MutexLock lock(mu_);
  if (!members_.empty()) return absl::nullopt;
  return unused_since_ + options_.linger;
}

void TopicReader::OnRecord(const kafka::RecordView& record) {
  const auto partition = static_cast<std::size_t>(record.partition);
  if (partition >= read_.size() || record.offset < read_[partition]) return;
  read_[partition] = record.offset + 1;
  if (!building_[0] && !building_[1]) return;
  const auto body =
      wire::Decode(context_.plan, *context_.plan.FindByTopic(record.topic), record.value);
  const wire::ReceivedRecord received = ToReceived(record);
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    if (building_[i]) builders_[i].Add(received, body);
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
  {
    MutexLock lock(mu_);
    if (closed_) return nullptr;
    members_.insert(member.get());
    Form& form = FormOf(include_json);
    ++form.members;
    if (!form.window.has_value()) form.window.emplace(options_.window, position_);
    DropUnusedForms();
  }
  task_->Wake();
  return member;
}

void TopicReader::Leave(Member& member) {
  {
    MutexLock lock(mu_);
    if (members_.erase(&member) == 0) return;
    --FormOf(member.include_json_).members;
    // The last member may come back.
    if (!members_.empty()) return DropUnusedForms();
    unused_since_ = context_.clock.Now();
  }
  task_->Wake();
}

void TopicReader::DropUnusedForms() {
  for (Form& form : forms_) {
    if (form.members == 0) form.window.reset();
  }
}

TopicReader::Wakes TopicReader::TakeWakes(bool all) {
  Wakes wakes;
  for (Member* member : members_) {
    if (std::exchange(member->waiting_, false) || all) wakes.push_back(member->wake_);
  }
  return wakes;
}

TopicReader::Member::Member(std::shared_ptr<TopicReader> reader, bool include_json,
                            std::function<void()> wake)
    : reader_(std::move(reader)), include_json_(include_json), wake_(std::move(wake)) {}

TopicReader::Member::~Member() { reader_->Leave(*this); }

absl::optional<std::uint64_t> TopicReader::Member::Find(const Positions& read, Stamp stamp) const {
  MutexLock lock(reader_->mu_);
  const Form& form = reader_->FormOf(include_json_);
  if (!reader_->since_.has_value() || stamp < *reader_->since_) return absl::nullopt;
  return form.window->Find(read);
}

TopicReader::Member::Found TopicReader::Member::Next(std::uint64_t number) {
  MutexLock lock(reader_->mu_);
  const Form& form = reader_->FormOf(include_json_);
  if (!form.window->Covers(number)) return {nullptr, true};
  Found found{form.window->Get(number), false};
  waiting_ = found.chunk == nullptr;
  return found;
}

absl::optional<Stamp> TopicReader::Member::since() const {
  MutexLock lock(reader_->mu_);
  return reader_->since_;
}

Positions TopicReader::Member::Ends() const {
  MutexLock lock(reader_->mu_);
  return reader_->ends_;
}

}  // namespace eventbus::bus
