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
#include "server/bus/acknowledge.h"
#include "server/bus/auto_commit.h"
#include "server/bus/context.h"
#include "server/bus/group_inspector.h"
#include "server/bus/group_member.h"
#include "server/bus/group_registry.h"
#include "server/bus/group_source.h"
#include "server/bus/reader.h"
#include "server/bus/settling.h"
#include "server/bus/stream.h"

namespace eventbus::bus {

// When an event counts as delivered.
enum class AckMode {
  kExplicit,  // Once the client has settled it.
  kAuto,      // Once it is written.
};

struct GroupOptions {
  AckMode ack_mode = AckMode::kExplicit;
  // Explicit only.
  SettlingOptions settling;
  absl::Duration ack_timeout = absl::Minutes(30);
  GroupSourceRequest source;
  ReaderOptions reader;
  GroupMemberOptions member;
  absl::Duration heartbeat_interval = absl::Seconds(15);
  // Names the stream in messages and logs.
  std::string stream_id;
  // The client settles on the stream itself: a bounded read keeps it open until everything
  // delivered is settled, at most kLinger.
  bool settles_on_stream = false;
};

// A consumer group's share as a stream: open -> poll -> decode -> deliver -> commit what counts as
// delivered: what has been written (bus/auto_commit), or what has been settled (bus/settling).
//
//   opening --joined--> live --end, error, drain, stall--> ending --all done--> leaving --> over
//                            --client gone----------------------------------> leaving
//
// The stream is closed only once its last commit is through and it has left the group, so that who
// reads next finds what it left; at most kLeaveTimeout. Where events have to be settled a drain
// waits for those that are with the client, at most kDrainSettling; and a bounded read is closed at
// its end, but its member stays in the group until they are settled, at most kLinger, kept by the
// registry; where that keeps too many already the stream stays open instead.
//
// An end that would be OK is UNAVAILABLE (KAFKA_UNAVAILABLE) where the last commit failed.
//
// A batch collects while a write is under way, as in a tail. Every group stream has a Kafka
// consumer of its own: a client that does not read holds up nobody else.
//
// Lifetime: its task holds it from Start until it is over, whoever has forgotten it by then; the
// stream that carries it, a look-up and the last commit hold it besides. All state but the inbox
// belongs to the task. Thread-safe.
class Group final : public Subscription,
                    public AckTarget,
                    public GroupInspected,
                    public std::enable_shared_from_this<Group> {
 public:
  // How long a write may be under way before the client counts as stalled.
  static constexpr absl::Duration kStallTimeout = absl::Seconds(60);
  // How long an end waits for the write under way.
  static constexpr absl::Duration kLastWrite = absl::Seconds(2);
  static constexpr absl::Duration kLeaveTimeout = absl::Seconds(6);
  // How long what is with a client is waited for.
  static constexpr absl::Duration kDrainSettling = absl::Seconds(20);
  // What a drain leaves for the last commit.
  static constexpr absl::Duration kDrainLeaving = absl::Seconds(5);
  // How long a clean end waits for a rebalance that has taken what it is to commit.
  static constexpr absl::Duration kRebalancePatience = absl::Seconds(10);
  static constexpr absl::Duration kLinger = absl::Seconds(30);

  static std::shared_ptr<Group> Make(const Context& context, GroupRegistry& groups,
                                     GroupOptions options, std::shared_ptr<StreamSink> sink);

  void Start() override;
  void OnWritten() override;
  void OnGone() override;
  void OnDeadline() override;
  void OnHalfClose() override;
  void Drain(absl::Duration remaining) override;
  void Wake() override { task_->Wake(); }
  void Settle(Settlement<AckToken> asked, AckTarget::Done done) override;
  void Inspect(GroupInspected::Done done) override;

 private:
  struct Ask {
    Settlement<AckToken> asked;
    AckTarget::Done done;
  };
  // What other threads have put down for the task.
  struct Inbox {
    absl::optional<absl::StatusOr<GroupSource>> opened;
    absl::optional<absl::StatusOr<GroupView>> looked_up;
    absl::optional<absl::Status> prepared;
    std::vector<std::pair<Letters::Id, absl::Status>> letters;
    absl::optional<absl::Duration> drain;
    bool written = false;
    bool gone = false;
    bool at_deadline = false;
    bool half_closed = false;
    absl::optional<absl::Status> left;
    std::vector<Ask> asks;
    std::vector<GroupInspected::Done> inspections;
  };
  enum class State { kOpening, kLive, kEnding, kLeaving, kOver };

  Group(const Context& context, GroupRegistry& groups, GroupOptions options,
        std::shared_ptr<StreamSink> sink);

  void Tell(absl::FunctionRef<void(Inbox&)> change);
  void Open();
  absl::Status PrepareLetters(const std::vector<std::string>& topics) const;

  void Step();
  void TakeInbox();
  void TakeSource(absl::StatusOr<GroupSource> opened);
  void TakeHalfClose();
  void TakeDrain(absl::Duration remaining);
  bool TakeAsk(Ask& ask);
  static void Refuse(Ask& ask);
  void TakeAsks(std::vector<Ask> asks);
  void RefuseAsks();
  void TakeLetters(const std::vector<std::pair<Letters::Id, absl::Status>>& letters);
  void SendLetters();
  HeldStream Describe() const;

  // Reading.
  void Read();
  void LookUp();
  void FollowTopics();
  void JoinTopics(const absl::Status& prepared);

  // Writing.
  void Write();
  Message NextMessage();
  Message TakeHeartbeat();
  bool HeartbeatDue() const;
  bool Blocks(const HeldPart& held) const;

  // Ending.
  void EndIfAllIsSaid();
  void End(const absl::Status& status, absl::Duration last_write);
  // `died`: perhaps of what it had; else as it was meant to.
  void EndGone(bool died);
  void EndBounded();
  void EndFurther();
  void Leave();
  // `committed`: what became of the last commit.
  void Left(const absl::Status& committed);
  void Close();
  absl::Status Outcome() const;
  void Linger();
  // Whether it ends as agreed, and something that it accepted waits for a rebalance to end.
  bool AwaitsRebalance() const;
  bool AllSettled() const { return settling_ == nullptr || settling_->outstanding() == 0; }
  bool WantsLetters() const { return settling_ != nullptr && options_.settling.dead_letters; }
  // What an end waits for that waits for nobody else.
  absl::Duration LetterPatience() const {
    return WritingLetters() ? kLastWrite : absl::ZeroDuration();
  }
  bool WritingLetters() const { return settling_ != nullptr && settling_->writing_letters() > 0; }
  void CheckStall();
  void CheckAckTimeout();
  void ScheduleTimer();

  const Context context_;
  GroupRegistry& groups_;
  const GroupOptions options_;
  const std::shared_ptr<StreamSink> sink_;
  const std::shared_ptr<SerialTask> task_;

  Mutex mu_;
  Inbox inbox_ ABSL_GUARDED_BY(mu_);
  bool settles_ ABSL_GUARDED_BY(mu_) = false;  // What is asked will be answered by the task.

  State state_ = State::kOpening;
  std::unique_ptr<Settling> settling_;  // Null: AUTO.
  std::uint64_t ack_stream_ = 0;
  AutoCommit auto_commit_;
  Reader reader_;
  GroupMember member_;
  std::vector<std::string> topics_;
  bool preparing_ = false;  // The dead-letter topics of `topics_`, which are joined then.
  absl::Time follow_at_ = absl::InfinitePast();
  std::shared_ptr<const kafka::ClusterMetadata> seen_;
  bool looking_up_ = false;

  std::deque<Message> first_;  // Goes out before anything else.
  std::deque<Lost> gaps_;
  absl::optional<std::vector<kafka::TopicPartition>> told_;  // Unset before Started.
  bool caught_up_sent_ = false;
  bool writing_ = false;
  absl::Time write_began_;
  absl::Time last_heartbeat_;

  absl::Status end_;
  bool gone_ = false;
  bool awaits_settling_ = false;
  bool lingering_ = false;  // The stream is closed, the member stays.
  absl::Status left_;       // What became of the last commit.
  int losses_ = 0;          // The settling's, when the end began.
  absl::Time leave_by_;     // Whatever is being written by then, or whoever does not answer.
};

}  // namespace eventbus::bus
