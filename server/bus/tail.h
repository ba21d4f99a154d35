#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/mutex.h"
#include "server/base/serial_task.h"
#include "server/bus/context.h"
#include "server/bus/stream.h"
#include "server/bus/tail_reader.h"
#include "server/bus/tail_source.h"

namespace eventbus::bus {

struct TailOptions {
  TailSourceRequest source;
  ReaderOptions reader;
  absl::Duration heartbeat_interval = absl::Seconds(15);
  // Names the stream in messages and logs.
  std::string stream_id;
};

// One reader of everything: find the start -> read -> deliver.
//
//   opening --positions fixed--> reading --end, error, drain, stall--> over
//                                   any --client gone--> over
//
// What it reads it shares with all other tails, but for what is too far in the past (tail_reader).
// While a write is under way it leaves what comes where it is, or collects one batch of what it
// reads on its own: a slow reader costs no more.
//
// Lifetime: the stream that carries it holds it; a run of its task and a look-up hold it while they
// last. All state but the inbox belongs to the task. Thread-safe.
class Tail final : public Subscription, public std::enable_shared_from_this<Tail> {
 public:
  // How long a write may be under way before the client counts as stalled.
  static constexpr absl::Duration kStallTimeout = absl::Seconds(60);
  // How long it may keep others from catching up meanwhile.
  static constexpr absl::Duration kGiveWay = absl::Seconds(10);
  // Between heartbeats while events flow.
  static constexpr absl::Duration kFlowHeartbeat = absl::Seconds(1);

  static std::shared_ptr<Tail> Make(const Context& context, TailOptions options,
                                    std::shared_ptr<StreamSink> sink);
  ~Tail() override;

  void Start() override;
  void OnWritten() override;
  void OnGone() override;
  void OnHalfClose() override;
  void Drain(absl::Duration remaining) override;
  void Wake() override { task_->Wake(); }

 private:
  // What other threads have put down for the task.
  struct Inbox {
    absl::optional<absl::StatusOr<TailSource>> source;
    Stamp stamp = 0;                                          // Drawn before the source was found.
    absl::optional<absl::StatusOr<kafka::Watermarks>> marks;  // Of the partition that was lost.
    absl::optional<absl::Duration> drain;
    bool written = false;
    bool gone = false;
    bool half_closed = false;
  };

  Tail(const Context& context, TailOptions options, std::shared_ptr<StreamSink> sink);

  void FindSource();
  void Step();
  void TakeInbox();
  void TakeSource(absl::StatusOr<TailSource> source, Stamp stamp);
  void TakeMarks(const absl::StatusOr<kafka::Watermarks>& marks);

  // Reading.
  void AddNewPartitions();
  void Read();
  bool AwaitsLookUp() const;
  void LookUpLost();

  // Writing.
  void Write();
  Message NextMessage();
  Message TakeHeartbeat();
  bool HeartbeatDue() const;

  // Ending: `status` once everything read is written, or at once.
  void EndAfterUnsent(const absl::Status& status);
  void EndNow(const absl::Status& status, std::vector<Message> last);
  void CheckStall();
  void Release();
  void ScheduleTimer();

  const Context context_;
  const TailOptions options_;
  const std::shared_ptr<StreamSink> sink_;
  const std::shared_ptr<SerialTask> task_;  // Shared with consumers, whose threads wake it.

  Mutex mu_;
  Inbox inbox_ ABSL_GUARDED_BY(mu_);

  bool over_ = false;
  bool begun_ = false;
  std::string cluster_id_;
  TailReader reader_;
  std::shared_ptr<const kafka::ClusterMetadata> seen_;
  std::vector<Lost> gaps_;
  absl::optional<absl::Status> end_;
  bool looking_up_ = false;  // Where a lost position went.
  absl::Time look_up_at_ = absl::InfinitePast();
  bool started_sent_ = false;
  bool caught_up_sent_ = false;
  bool flowing_ = false;  // Events were delivered since the last heartbeat.
  bool writing_ = false;
  absl::Time write_began_;
  absl::Time last_heartbeat_;
};

}  // namespace eventbus::bus
