#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"

namespace eventbus::rdkafka {

// librdkafka's mock cluster: the real protocol on loopback, one broker, everything in memory and in
// this process. For development and tests. It keeps about 5 MB a partition and trims in silence;
// its cluster id and port are new each time. It cannot look offsets up by time, nor tell a topic's
// configuration.
//
// Thread-safe. Outlives every client of it.
class EmbeddedKafka {
 public:
  static absl::StatusOr<std::unique_ptr<EmbeddedKafka>> Start();
  ~EmbeddedKafka();

  // `127.0.0.1:port`.
  const std::string& bootstrap_servers() const { return bootstrap_servers_; }

  // OK where the topic exists by now.
  absl::Status CreateTopic(const std::string& name, int partitions);

  // Whether CreateTopic made it. Our clients ask before they use a topic, because librdkafka 2.0's
  // mock cluster makes whatever topic it is asked about.
  bool HasTopic(const std::string& name) const;

  // For tests: no broker answers or can be connected to, until BringUp.
  void TakeDown();
  void BringUp();
  // For tests: the partition has no leader, until it has one again.
  void TakeLeader(const std::string& topic, int partition);
  void GiveLeader(const std::string& topic, int partition);
  // For tests: each later request is answered that late.
  void SetRoundTripTime(int milliseconds);
  // For tests: the next `count` produce requests are answered with `error`, an error code of
  // Kafka's protocol.
  void FailProduce(std::int16_t error, int count);

 private:
  class Cluster;

  EmbeddedKafka(std::unique_ptr<Cluster> cluster, std::string bootstrap_servers);

  const std::unique_ptr<Cluster> cluster_;
  const std::string bootstrap_servers_;
  mutable Mutex mu_;
  std::set<std::string> topics_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::rdkafka
