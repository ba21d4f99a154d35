#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/kafka/producer.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/config.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {

// Writes through one librdkafka producer.
//
// Values are not copied: each travels in what librdkafka keeps for its delivery report. Reports
// come on one thread, `kafka-reports`, which runs the callbacks.
//
// A fatal error ends librdkafka's producer (only; the idempotence it promised is broken). Then that
// thread has everything that it held reported, replaces it, and meanwhile Produce answers
// KAFKA_UNAVAILABLE.
//
// An unknown topic: the first record waits about a second, as the cluster may be just making it;
// later ones are refused at once, until the topic appears.
//
// The destructor stops it.
class Producer final : public kafka::Producer {
 public:
  static absl::StatusOr<std::unique_ptr<Producer>> Make(const ClientConfig& config,
                                                        ProducerUse use = ProducerUse::kEvents);
  ~Producer() override;

  absl::Status Produce(kafka::OutgoingRecord& record, DoneCallback& done) override;
  bool Flush(absl::Duration timeout) override;
  void Stop() override;

  // For tests: as if Kafka had answered the producer with a fatal error.
  void InjectFatalError();

 private:
  // One librdkafka producer.
  class Client;

  Producer(ClientConfig config, ProducerUse use, std::shared_ptr<Client> client);

  // Null: it is being replaced.
  std::shared_ptr<Client> CurrentClient() ABSL_LOCKS_EXCLUDED(mu_);
  void SetClient(std::shared_ptr<Client> client) ABSL_LOCKS_EXCLUDED(mu_);

  // All below: the reporting thread only.
  void Run();
  // Waits for one event of `client` and handles it. False: the client is dead.
  bool ServeOne(Client& client, absl::Duration wait);
  void Report(const rd_kafka_message_t& message);
  // Takes the client away from Produce and returns once everything it held is reported.
  void Retire(std::shared_ptr<Client> client);
  // Makes the next client; null: stopping.
  std::shared_ptr<Client> MakeNext();

  const ClientConfig config_;
  const ProducerUse use_;
  // Records taken and not reported.
  std::atomic<std::int64_t> outstanding_{0};
  std::atomic<bool> stopping_{false};

  Mutex mu_;
  // Shared with calls of Produce under way: the thread that replaces it waits for them.
  std::shared_ptr<Client> client_ ABSL_GUARDED_BY(mu_);

  std::thread thread_;
};

}  // namespace eventbus::rdkafka
