#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "server/bus/acknowledge.h"
#include "server/bus/group.h"
#include "server/bus/stream.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/kafka.h"
#include "tests/simulation/random.h"

namespace eventbus::simulation {

// A stream of the group, and the client that reads and settles it. Its server may go before it.
class Client {
 public:
  Client(int name, const Setup& setup, const WorldLog& log, Checker& checker,
         std::shared_ptr<ConsumerLink> link);

  int name() const { return name_; }
  // For the group's stream.
  std::shared_ptr<bus::StreamSink> sink() const;
  void SetGroup(std::shared_ptr<bus::Group> group) { group_ = std::move(group); }
  const std::shared_ptr<bus::Group>& group() const { return group_; }
  const ConsumerLink& link() const { return *link_; }
  Coordinator::MemberId member() const { return link_->member; }

  // The stream has ended, on either side; nothing more comes of it.
  bool over() const;
  // There is something to take.
  bool readable() const;

  // What is being written is on its way to it from now on; true: it was not yet. The server is told
  // that it is written, before the client has read it or after.
  bool Take();
  void TellWritten();
  // Reads what is on its way. The killers among it: they are its end.
  std::vector<EventId> Read();
  // Settles some of what it has, or asks to: whatever `random` says.
  void Settle(bus::AckRegistry& acks, Random& random);
  // Settles everything that it has; false: it has nothing.
  bool SettleAll(bus::AckRegistry& acks);
  // Settles what it got before the killer, as a client that works one by one does.
  void SettleBefore(bus::AckRegistry& acks, const std::vector<EventId>& killers);

  void Vanish();
  void HalfClose();
  void ReachDeadline();
  // Its server is dead.
  void Cut();

 private:
  class Sink;
  struct Held {
    EventId id;
    int delivery = 0;
    std::string token;
    int batch = 0;
  };
  // Records of a partition that it is told to be gone.
  struct Gone {
    int part = 0;
    bus::Span offsets;
  };
  struct Asked {
    bus::Settlement<std::string> call;
    std::vector<Checker::Ask> acks;  // Of single events; then of batches:
    std::vector<int> batches;
    std::vector<Checker::Ask> retries;
    std::vector<Held> letters;
  };

  void Send(bus::AckRegistry& acks, std::shared_ptr<Asked> asked);
  void Answered(Asked& asked, const std::vector<bus::AckError>& errors);
  void AddAck(Asked& asked, const Held& held) const;
  void AddRetry(Asked& asked, const Held& held, Random& random) const;

  const int name_;
  const Setup& setup_;
  const WorldLog& log_;
  Checker& checker_;
  const std::shared_ptr<ConsumerLink> link_;
  const std::shared_ptr<Sink> sink_;
  std::shared_ptr<bus::Group> group_;
  bool gone_ = false;

  bool taken_ = false;
  // On its way: lost where the client is gone before it reads it.
  std::vector<Held> unread_;
  std::vector<Gone> unread_gaps_;
  std::vector<Held> held_;
  std::vector<Held> done_;  // Settled before, or perhaps: for asking once more.
  std::vector<std::string> batches_;
  std::vector<std::vector<Held>> in_batches_;
};

}  // namespace eventbus::simulation
