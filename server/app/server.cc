#include "server/app/server.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "google/rpc/error_details.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/app/health.h"
#include "server/app/provisioner.h"
#include "server/app/unix_socket.h"
#include "server/base/log.h"
#include "server/bus/acknowledge.h"
#include "server/bus/dead_letter_queues.h"
#include "server/bus/group_inspector.h"
#include "server/bus/tail_hub.h"
#include "server/rdkafka/client.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/service.h"

namespace eventbus::app {
namespace {

constexpr int kMaxReceiveBytes = 5 << 20;  // Past our own limit of 4, so that our error answers.
constexpr int kMaxCallsPerConnection = 1000;
constexpr int kBlockingThreads = 8;
// For what people ask: it must not hold up what streams wait for.
constexpr int kAdminThreads = 2;
// Of a drain: for what cannot be delivered to be answered, and for answers to leave. Well below the
// delay that SERVER_DRAINING asks for: gRPC answers who calls again within it with a bare
// CANCELLED.
constexpr absl::Duration kLastWords = absl::Milliseconds(500);
// Clients that have not heard of the drain yet: until none has called for so long, at most that
// often.
constexpr absl::Duration kQuiet = absl::Milliseconds(300);
constexpr int kQuietTries = 10;

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

// Everything, in the order in which it is built; it goes in the reverse order.
class Pipeline final : public Server {
 public:
  explicit Pipeline(const Options& options) : options_(options), streams_(options.max_streams) {}

  ~Pipeline() override {
    if (!drained_) Drain();
    if (monitor_ != nullptr) monitor_->Stop();
    if (provisioner_ != nullptr) provisioner_->Stop();
    if (executor_ != nullptr) executor_->Stop();
    if (blocking_ != nullptr) blocking_->Stop();
    if (admin_pool_ != nullptr) admin_pool_->Stop();
  }

  absl::Status Build(const google::protobuf::DescriptorPool& schema) {
    for (const auto& step : {&Pipeline::ReadSchema, &Pipeline::ConnectKafka, &Pipeline::Assemble}) {
      if (absl::Status status = (this->*step)(schema); !status.ok()) return status;
    }
    if (absl::Status status = Listen(); !status.ok()) return status;
    monitor_->Start([this](bool available) { OnCluster(available); });
    return absl::OkStatus();
  }

  std::vector<std::string> addresses() const override { return addresses_; }
  rdkafka::EmbeddedKafka* embedded() override { return embedded_.get(); }
  bool Drain() override;

 private:
  using Pool = google::protobuf::DescriptorPool;

  absl::Status ReadSchema(const Pool& schema);
  absl::Status ConnectKafka(const Pool& schema);
  absl::Status Assemble(const Pool& schema);
  absl::Status StartEmbedded(rdkafka::ClientConfig& config);
  bool EndMembers(absl::Time deadline);
  absl::Status Listen();
  void OnCluster(bool available);
  void TellHealth();
  void RefuseLateCalls() const;
  rpc::SubscribeDefaults MakeDefaults() const;

  const Options options_;
  std::unique_ptr<event::Catalog> catalog_;
  std::unique_ptr<const wire::Plan> plan_;
  std::unique_ptr<rdkafka::EmbeddedKafka> embedded_;
  rdkafka::ClientConfig kafka_config_;  // ConnectKafka's.
  std::unique_ptr<kafka::Admin> admin_;
  std::unique_ptr<kafka::ConsumerFactory> consumers_;
  std::unique_ptr<bus::Publisher> publisher_;
  std::unique_ptr<kafka::Producer> producer_;  // After what its reports go to.
  // Stopped by Drain, while what its reports go to is there; used by streams until the executors
  // go.
  std::unique_ptr<bus::DeadLetterQueues> dead_letters_;
  bus::AckRegistry acks_;  // Before the executors, which hold streams that leave it.
  bus::GroupInspector inspector_;
  std::unique_ptr<Executor> admin_pool_;
  std::unique_ptr<Executor> blocking_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Provisioner> provisioner_;  // Null: not asked for.
  std::unique_ptr<bus::ClusterMonitor> monitor_;
  std::unique_ptr<bus::TailHub> tails_;
  rpc::StreamRegistry streams_;
  std::unique_ptr<rpc::Service> service_;
  std::unique_ptr<rpc::AdminService> admin_service_;
  std::unique_ptr<Health> health_;
  std::unique_ptr<grpc::Server> grpc_;  // Last: every call ends before what serves it goes.
  std::vector<std::string> addresses_;
  absl::optional<bool> said_available_;  // OnCluster's.
  bool drained_ = false;
};

absl::Status Pipeline::ReadSchema(const Pool& schema) {
  auto catalog = event::Catalog::FromPool(schema);
  if (!catalog.ok()) return catalog.status();
  catalog_ = std::make_unique<event::Catalog>(*std::move(catalog));
  auto plan = wire::Plan::Compile(*catalog_);
  if (!plan.ok()) return plan.status();
  plan_ = *std::move(plan);
  return absl::OkStatus();
}

absl::Status Pipeline::ConnectKafka(const Pool&) {
  auto config = rdkafka::MakeClientConfig(options_.kafka_bootstrap_servers, options_.kafka_config,
                                          options_.kafka_properties);
  if (!config.ok()) return config.status();
  config->client_id = absl::StrCat("eventbus/", HostName());
  if (options_.embedded_kafka) {
    if (absl::Status status = StartEmbedded(*config); !status.ok()) return status;
  }
  auto admin = rdkafka::MakeAdmin(*config);
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  auto consumers = rdkafka::MakeConsumerFactory(*config);
  if (!consumers.ok()) return consumers.status();
  consumers_ = *std::move(consumers);
  auto producer = rdkafka::MakeProducer(*config);
  if (!producer.ok()) return producer.status();
  producer_ = *std::move(producer);
  kafka_config_ = *std::move(config);
  return absl::OkStatus();
}

absl::Status Pipeline::StartEmbedded(rdkafka::ClientConfig& config) {
  auto embedded = rdkafka::EmbeddedKafka::Start();
  if (!embedded.ok()) return embedded.status();
  embedded_ = *std::move(embedded);
  config.bootstrap_servers = embedded_->bootstrap_servers();
  config.embedded = embedded_.get();
  for (const event::Topic& topic : catalog_->topics()) {
    const absl::Status status = embedded_->CreateTopic(topic.name, topic.partitions);
    if (!status.ok()) return status;
  }
  Log(LogLevel::kInfo, "embedded Kafka", {{"bootstrap_servers", config.bootstrap_servers}});
  return absl::OkStatus();
}

// The way of an event: service -> publisher -> producer, and consumer -> tail -> service.
absl::Status Pipeline::Assemble(const Pool&) {
  const Clock& clock = Clock::System();
  blocking_ = MakeThreadPool("blocking", kBlockingThreads);
  const unsigned threads = std::max(2u, std::thread::hardware_concurrency());
  executor_ = MakeThreadPool("bus", static_cast<int>(threads));
  monitor_ = std::make_unique<bus::ClusterMonitor>(*admin_, *blocking_, clock,
                                                   bus::ClusterMonitor::Options());
  if (options_.provision_topics) {
    provisioner_ = std::make_unique<Provisioner>(*catalog_, options_.replication_factor, *admin_,
                                                 *blocking_, clock, [this] { TellHealth(); });
  }
  publisher_ = std::make_unique<bus::Publisher>(
      *plan_, *producer_, clock,
      bus::PublisherOptions{.max_event_bytes = options_.max_event_bytes});
  dead_letters_ = std::make_unique<bus::DeadLetterQueues>(
      *admin_, *monitor_, clock,
      [config = kafka_config_] { return rdkafka::MakeForeignProducer(config); });
  bus::TailHubOptions tails;
  tails.reader.client_id = absl::StrCat("eventbus/", HostName());
  tails_ = std::make_unique<bus::TailHub>(*plan_, *consumers_, *monitor_, *executor_, *blocking_,
                                          clock, std::move(tails));
  const bus::Context readers{*catalog_,           *plan_,     *admin_, *consumers_,  *monitor_,
                             *executor_,          *blocking_, clock,   tails_.get(), &acks_,
                             dead_letters_.get(), &inspector_};
  service_ = std::make_unique<rpc::Service>(*publisher_, readers, streams_, MakeDefaults());
  admin_pool_ = MakeThreadPool("admin", kAdminThreads);
  admin_service_ = std::make_unique<rpc::AdminService>(readers, *admin_pool_, MakeDefaults());
  return absl::OkStatus();
}

rpc::SubscribeDefaults Pipeline::MakeDefaults() const {
  rpc::SubscribeDefaults defaults;
  defaults.host = HostName();
  defaults.group_id = options_.kafka_group_id;
  if (options_.kafka_auto_offset_reset == "latest") defaults.group_start = bus::Latest{};
  defaults.commit_interval = options_.commit_interval;
  defaults.max_span = options_.max_delivered_span;
  return defaults;
}

absl::Status Pipeline::Listen() {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  std::vector<int> ports(options_.listen.size(), 0);
  for (std::size_t i = 0; i < options_.listen.size(); ++i) {
    if (UnixSocketInUse(options_.listen[i])) {
      return absl::UnavailableError(absl::StrCat("listen: ", options_.listen[i], " is in use"));
    }
    builder.AddListeningPort(options_.listen[i], grpc::InsecureServerCredentials(), &ports[i]);
  }
  builder.RegisterService(service_.get());
  builder.RegisterService(admin_service_.get());
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // A second server is an error.
  // A client that vanished is noticed within 40 s; clients may ping every 10 s.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  grpc_ = builder.BuildAndStart();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (grpc_ == nullptr || ports[i] == 0) {
      return absl::UnavailableError(absl::StrCat("listen: cannot listen on one of ",
                                                 absl::StrJoin(options_.listen, ", "),
                                                 "; is the address in use?"));
    }
    const std::string& address = options_.listen[i];
    const bool unix_socket = absl::StartsWith(address, "unix:");
    addresses_.push_back(
        unix_socket ? address : absl::StrCat(address.substr(0, address.rfind(':') + 1), ports[i]));
  }
  health_ = std::make_unique<Health>(
      grpc_->GetHealthCheckService(),
      std::vector<std::string>{v1::EventBusService::service_full_name(),
                               v1::EventBusAdminService::service_full_name()});
  for (const std::string& address : addresses_) {
    Log(LogLevel::kInfo, "listening", {{"address", address}});
  }
  return absl::OkStatus();
}

// On the blocking pool, one at a time.
void Pipeline::OnCluster(bool available) {
  if (available && provisioner_ != nullptr) provisioner_->Start();
  if (said_available_ != available) {
    said_available_ = available;
    Log(available ? LogLevel::kInfo : LogLevel::kWarning,
        available ? "Kafka answers" : "Kafka does not answer");
  }
  TellHealth();
  streams_.WakeAll();
}

void Pipeline::TellHealth() {
  health_->SetServing(monitor_->available() && (provisioner_ == nullptr || provisioner_->done()));
}

// gRPC answers calls that come in while it shuts down with CANCELLED, which says nothing: first
// they are refused in words.
void Pipeline::RefuseLateCalls() const {
  for (int i = 0; i < kQuietTries; ++i) {
    const std::int64_t refused = publisher_->refused() + streams_.refused();
    absl::SleepFor(kQuiet);
    if (publisher_->refused() + streams_.refused() == refused) return;
  }
}

// Members wait for their dead letters before they commit. What is still to be written once they
// have gone is of members that did not wait.
bool Pipeline::EndMembers(absl::Time deadline) {
  const bool ended = streams_.WaitUntilEmpty(deadline - absl::Now()) &&
                     service_->WaitForMembers(deadline - absl::Now());
  const bool written = dead_letters_->Flush(deadline - absl::Now());
  dead_letters_->Stop();
  return ended && written;
}

bool Pipeline::Drain() {
  drained_ = true;
  if (grpc_ == nullptr) return true;
  const absl::Duration last_words = std::min(kLastWords, options_.drain_timeout / 4);
  const absl::Time deadline = absl::Now() + options_.drain_timeout - last_words;
  Log(LogLevel::kInfo, "draining",
      {{"streams", absl::StrCat(streams_.size())},
       {"timeout", absl::FormatDuration(options_.drain_timeout)}});
  health_->ShutDown();
  monitor_->Stop();
  publisher_->Drain();
  streams_.Drain(options_.drain_timeout);
  service_->DrainMembers(options_.drain_timeout);
  admin_service_->Drain(options_.drain_timeout);
  RefuseLateCalls();
  const bool delivered = producer_->Flush(deadline - absl::Now());
  producer_->Stop();  // An unanswered call would hold up Shutdown for ever.
  const bool ended = EndMembers(deadline);
  // All is said; connections of clients that do not listen are cut.
  grpc_->Shutdown(absl::ToChronoTime(absl::Now() + last_words));
  Log(LogLevel::kInfo, "drained",
      {{"all_delivered", delivered ? "true" : "false"}, {"all_ended", ended ? "true" : "false"}});
  return delivered && ended;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const Options& options, const google::protobuf::DescriptorPool& schema) {
  if (absl::Status status = options.Validate(); !status.ok()) return status;
  auto pipeline = std::make_unique<Pipeline>(options);
  if (absl::Status status = pipeline->Build(schema); !status.ok()) return status;
  return pipeline;
}

}  // namespace eventbus::app
