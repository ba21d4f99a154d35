#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/mutex.h"
#include "server/base/serial_task.h"
#include "server/bus/context.h"
#include "server/bus/group_member.h"
#include "server/bus/group_registry.h"
#include "server/bus/group_source.h"
#include "server/bus/reader.h"
#include "server/bus/stream.h"

namespace eventbus::bus {

struct GroupOptions {
  GroupSourceRequest source;
  ReaderOptions reader;
  GroupMemberOptions member;
  absl::Duration heartbeat_interval = absl::Seconds(15);
  // Names the stream in messages and logs.
  std::string stream_id;
};

// A consumer group's share as a stream, under ACK_MODE_AUTO: open -> poll -> decode -> deliver ->
// commit what has been written.
//
//   opening --joined--> live --end, error, drain, stall--> ending --last write done--> leaving -->
//   over
//                            --client gone-------------------------------------------> leaving
//
// The stream is closed only once its last commit is through and it has left the group, so that who
// reads next finds what it left; at most kLeaveTimeout.
//
// A batch collects while a write is under way, as in a tail. Every group stream has a Kafka
// consumer of its own: a client that does not read holds up nobody else.
//
// Lifetime: its task holds it from Start until it is over, whoever has forgotten it by then; the
// stream that carries it, a look-up and the last commit hold it besides. All state but the inbox
// belongs to the task. Thread-safe.
class Group final : public Subscription, public std::enable_shared_from_this<Group> {
 public:
  // How long a write may be under way before the client counts as stalled.
  static constexpr absl::Duration kStallTimeout = absl::Seconds(60);
  // How long an end waits for the write under way.
  static constexpr absl::Duration kLastWrite = absl::Seconds(2);
  static constexpr absl::Duration kLeaveTimeout = absl::Seconds(6);

  static std::shared_ptr<Group> Make(const Context& context, GroupRegistry& groups,
                                     GroupOptions options, std::shared_ptr<StreamSink> sink);

  // Once: opens the source, then reads; the sink gets everything that follows.
  void Start();

  void OnWritten() override;
  void OnGone() override;
  void Drain(absl::Duration remaining) override;
  void Wake() override { task_.Wake(); }

 private:
  // What other threads have put down for the task.
  struct Inbox {
    absl::optional<absl::StatusOr<GroupSource>> opened;
    absl::optional<absl::StatusOr<GroupView>> looked_up;
    absl::optional<absl::Duration> drain;
    bool written = false;
    bool gone = false;
    bool left = false;
  };
  enum class State { kOpening, kLive, kEnding, kLeaving, kOver };

  Group(const Context& context, GroupRegistry& groups, GroupOptions options,
        std::shared_ptr<StreamSink> sink);

  void Tell(absl::FunctionRef<void(Inbox&)> change);
  void Open();

  void Step();
  void TakeInbox();
  void TakeSource(absl::StatusOr<GroupSource> opened);

  // Reading.
  void Read();
  void LookUp();
  void FollowTopics();

  // Writing.
  void Write();
  Message NextMessage();
  Message TakeHeartbeat();
  bool HeartbeatDue() const;

  // Ending.
  void EndIfAllIsSaid();
  void End(const absl::Status& status, absl::Duration last_write);
  void EndGone();
  void EndFurther();
  void Leave();
  void Close();
  void CheckStall();
  void ScheduleTimer();

  const Context context_;
  GroupRegistry& groups_;
  const GroupOptions options_;
  const std::shared_ptr<StreamSink> sink_;
  SerialTask task_;

  Mutex mu_;
  Inbox inbox_ ABSL_GUARDED_BY(mu_);

  State state_ = State::kOpening;
  Reader reader_;
  GroupMember member_;
  std::vector<std::string> topics_;
  std::shared_ptr<const kafka::ClusterMetadata> seen_;
  bool looking_up_ = false;

  std::deque<Message> first_;  // Goes out before anything else.
  std::deque<Message> gaps_;
  absl::optional<std::vector<kafka::TopicPartition>> told_;  // Unset before Started.
  bool caught_up_sent_ = false;
  bool writing_ = false;
  absl::Time write_began_;
  absl::Time last_heartbeat_;

  absl::Status end_;
  bool gone_ = false;
  bool left_ = false;
  absl::Time leave_by_;  // Whatever is being written by then, or whoever does not answer.
};

}  // namespace eventbus::bus
