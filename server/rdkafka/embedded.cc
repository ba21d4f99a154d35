#include "server/rdkafka/embedded.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/handles.h"

namespace eventbus::rdkafka {
namespace {

constexpr int kBrokerId = 1;
constexpr int kNoBroker = -1;
constexpr std::int16_t kProduceRequest = 0;

}  // namespace

// The mock cluster runs in a thread of a client's that does nothing else.
class EmbeddedKafka::Cluster {
 public:
  explicit Cluster(ClientHolder host)
      : host_(std::move(host)), mock_(rd_kafka_mock_cluster_new(host_.get(), 1)) {}

  rd_kafka_mock_cluster_t* mock() { return mock_.get(); }

 private:
  ClientHolder host_;
  MockClusterHolder mock_;  // Goes before its host.
};

absl::StatusOr<std::unique_ptr<EmbeddedKafka>> EmbeddedKafka::Start() {
  absl::StatusOr<ConfHolder> conf = MakeAdminConf(ClientConfig());
  if (!conf.ok()) return conf.status();
  absl::StatusOr<ClientHolder> host = MakeClient(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!host.ok()) return host.status();
  auto cluster = std::make_unique<Cluster>(*std::move(host));
  if (cluster->mock() == nullptr) {
    return absl::InternalError("the embedded Kafka does not start: no loopback port?");
  }
  std::string servers = rd_kafka_mock_cluster_bootstraps(cluster->mock());
  return std::unique_ptr<EmbeddedKafka>(new EmbeddedKafka(std::move(cluster), std::move(servers)));
}

EmbeddedKafka::EmbeddedKafka(std::unique_ptr<Cluster> cluster, std::string bootstrap_servers)
    : cluster_(std::move(cluster)), bootstrap_servers_(std::move(bootstrap_servers)) {}

EmbeddedKafka::~EmbeddedKafka() = default;

absl::Status EmbeddedKafka::CreateTopic(const std::string& name, int partitions) {
  const rd_kafka_resp_err_t error =
      rd_kafka_mock_topic_create(cluster_->mock(), name.c_str(), partitions, 1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    return CallError(error, Access::kPublish, name, absl::StrCat("creating ", name));
  }
  MutexLock lock(mu_);
  topics_.insert(name);
  return absl::OkStatus();
}

bool EmbeddedKafka::HasTopic(const std::string& name) const {
  MutexLock lock(mu_);
  return topics_.count(name) > 0;
}

void EmbeddedKafka::TakeDown() { rd_kafka_mock_broker_set_down(cluster_->mock(), kBrokerId); }

void EmbeddedKafka::BringUp() { rd_kafka_mock_broker_set_up(cluster_->mock(), kBrokerId); }

void EmbeddedKafka::TakeLeader(const std::string& topic, int partition) {
  rd_kafka_mock_partition_set_leader(cluster_->mock(), topic.c_str(), partition, kNoBroker);
}

void EmbeddedKafka::GiveLeader(const std::string& topic, int partition) {
  rd_kafka_mock_partition_set_leader(cluster_->mock(), topic.c_str(), partition, kBrokerId);
}

void EmbeddedKafka::SetRoundTripTime(int milliseconds) {
  rd_kafka_mock_broker_set_rtt(cluster_->mock(), kBrokerId, milliseconds);
}

void EmbeddedKafka::FailProduce(std::int16_t error, int count) {
  const std::vector<rd_kafka_resp_err_t> errors(static_cast<std::size_t>(count),
                                                static_cast<rd_kafka_resp_err_t>(error));
  rd_kafka_mock_push_request_errors_array(cluster_->mock(), kProduceRequest, errors.size(),
                                          errors.data());
}

}  // namespace eventbus::rdkafka
