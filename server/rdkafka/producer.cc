#include "server/rdkafka/producer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/embedded.h"
#include "server/rdkafka/error.h"
#include "server/rdkafka/log.h"

namespace eventbus::rdkafka {
namespace {

constexpr char kThreadName[] = "kafka-reports";
// The thread is woken for events and to stop; this only bounds the harm of a lost wake-up.
constexpr absl::Duration kPollWait = absl::Seconds(1);
constexpr absl::Duration kDrainWait = absl::Milliseconds(10);
constexpr absl::Duration kFlushStep = absl::Milliseconds(100);
constexpr absl::Duration kRemakeDelay = absl::Seconds(1);

// A record's part that waits for its delivery report. librdkafka has it as the record's opaque, and
// reads `value` in place.
struct Pending {
  kafka::Producer::DoneCallback done;
  absl::optional<std::string> value;
};

// What librdkafka takes of a text that may be null.
struct Bytes {
  explicit Bytes(const absl::optional<std::string>& text)
      : data(text.has_value() ? text->data() : nullptr),
        size(text.has_value() ? text->size() : 0) {}

  const char* data;
  std::size_t size;
};

HeadersHolder MakeHeaders(const std::vector<kafka::Header>& headers) {
  if (headers.empty()) return nullptr;
  HeadersHolder out(rd_kafka_headers_new(headers.size()));
  for (const kafka::Header& header : headers) {
    const Bytes value(header.value);
    rd_kafka_header_add(out.get(), header.key.data(), static_cast<ssize_t>(header.key.size()),
                        value.data, static_cast<ssize_t>(value.size));
  }
  return out;
}

// What the broker said of the record beyond its code, where librdkafka can tell.
// (rd_kafka_message_errstr is for consumers: of a producer's message it returns the payload.)
absl::string_view Detail([[maybe_unused]] const rd_kafka_message_t& message) {
#if RD_KAFKA_VERSION >= 0x020800ff
  const char* detail = rd_kafka_message_produce_errstr(&message);
  if (detail != nullptr) return detail;
#endif
  return "";
}

int ToMilliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<std::int64_t>(absl::ToInt64Milliseconds(duration), 0, 1 << 30));
}

}  // namespace

class Producer::Client {
 public:
  static absl::StatusOr<std::shared_ptr<Client>> Make(const ClientConfig& config, ProducerUse use) {
    absl::StatusOr<ConfHolder> conf = MakeProducerConf(config, use);
    if (!conf.ok()) return conf.status();
    absl::StatusOr<ClientHolder> rk = MakeClient(RD_KAFKA_PRODUCER, *std::move(conf));
    if (!rk.ok()) return rk.status();
    return std::make_shared<Client>(*std::move(rk));
  }

  explicit Client(ClientHolder rk)
      : rk_(std::move(rk)), events_(rd_kafka_queue_get_main(rk_.get())) {}

  rd_kafka_t* rk() const { return rk_.get(); }
  rd_kafka_queue_t* events() const { return events_.get(); }

  // Lives as long as the client; null: not a topic's name.
  rd_kafka_topic_t* FindTopic(const std::string& name) {
    MutexLock lock(mu_);
    const auto found = topics_.find(name);
    if (found != topics_.end()) return found->second.get();
    TopicHolder topic(rd_kafka_topic_new(rk_.get(), name.c_str(), nullptr));
    if (topic == nullptr) return nullptr;
    return topics_.emplace(name, std::move(topic)).first->second.get();
  }

 private:
  // Destroyed last.
  const ClientHolder rk_;
  const QueueHolder events_;
  Mutex mu_;
  // Kept, because librdkafka would take its global lock to find a topic by name.
  absl::flat_hash_map<std::string, TopicHolder> topics_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<std::unique_ptr<Producer>> Producer::Make(const ClientConfig& config,
                                                         ProducerUse use) {
  absl::StatusOr<std::shared_ptr<Client>> client = Client::Make(config, use);
  if (!client.ok()) return client.status();
  return std::unique_ptr<Producer>(new Producer(config, use, *std::move(client)));
}

Producer::Producer(ClientConfig config, ProducerUse use, std::shared_ptr<Client> client)
    : config_(std::move(config)),
      use_(use),
      client_(std::move(client)),
      thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), kThreadName);
}

Producer::~Producer() { Stop(); }

void Producer::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  if (const std::shared_ptr<Client> client = CurrentClient()) {
    rd_kafka_queue_yield(client->events());
  }
  thread_.join();
}

absl::Status Producer::Produce(kafka::OutgoingRecord& record, DoneCallback& done) {
  const std::shared_ptr<Client> client = CurrentClient();
  if (client == nullptr) return RefusalError(RD_KAFKA_RESP_ERR__FATAL, record.topic);
  if (config_.embedded != nullptr && !config_.embedded->HasTopic(record.topic)) {
    return RefusalError(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, record.topic);
  }
  rd_kafka_topic_t* topic = client->FindTopic(record.topic);
  if (topic == nullptr) return RefusalError(RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, record.topic);
  auto pending = std::make_unique<Pending>(Pending{std::move(done), std::move(record.value)});
  HeadersHolder headers = MakeHeaders(record.headers);
  const Bytes key(record.key);
  const Bytes value(pending->value);
  outstanding_.fetch_add(1, std::memory_order_relaxed);
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client->rk(), RD_KAFKA_V_RKT(topic),
      RD_KAFKA_V_PARTITION(record.partition.value_or(RD_KAFKA_PARTITION_UA)),
      RD_KAFKA_V_KEY(key.data, key.size),
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): librdkafka reads it only.
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data), value.size),
      RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(pending.get()), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<void>(pending.release());
    static_cast<void>(headers.release());
    return absl::OkStatus();
  }
  outstanding_.fetch_sub(1, std::memory_order_relaxed);
  done = std::move(pending->done);
  record.value = std::move(pending->value);
  return RefusalError(error, record.topic);
}

bool Producer::Flush(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (outstanding_.load() > 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    const absl::Duration step = std::min(left, kFlushStep);
    // Sends what lingers. Reports are the other thread's: this one only waits.
    if (const std::shared_ptr<Client> client = CurrentClient()) {
      rd_kafka_flush(client->rk(), ToMilliseconds(step));
    } else {
      absl::SleepFor(std::min(step, kDrainWait));
    }
  }
  return true;
}

void Producer::InjectFatalError() {
  if (const std::shared_ptr<Client> client = CurrentClient()) {
    rd_kafka_test_fatal_error(client->rk(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                              "injected");
  }
}

std::shared_ptr<Producer::Client> Producer::CurrentClient() {
  MutexLock lock(mu_);
  return client_;
}

void Producer::SetClient(std::shared_ptr<Client> client) {
  MutexLock lock(mu_);
  client_.swap(client);
}

void Producer::Run() {
  std::shared_ptr<Client> client = CurrentClient();
  while (client != nullptr) {
    bool alive = true;
    while (alive && !stopping_) alive = ServeOne(*client, kPollWait);
    Retire(std::move(client));
    client = MakeNext();
    SetClient(client);
  }
}

bool Producer::ServeOne(Client& client, absl::Duration wait) {
  const EventHolder event(rd_kafka_queue_poll(client.events(), ToMilliseconds(wait)));
  if (event == nullptr) return true;
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_DR:
      while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
        Report(*message);
      }
      return true;
    case RD_KAFKA_EVENT_ERROR: {
      const rd_kafka_resp_err_t error = rd_kafka_event_error(event.get());
      const bool fatal = rd_kafka_event_error_is_fatal(event.get()) != 0;
      LogLine(client.rk(), fatal ? 2 : 4, rd_kafka_err2name(error),
              rd_kafka_event_error_string(event.get()));
      return !fatal;
    }
    default:
      return true;
  }
}

void Producer::Report(const rd_kafka_message_t& message) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(message._private));
  const rd_kafka_msg_status_t status = rd_kafka_message_status(&message);
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR && status == RD_KAFKA_MSG_STATUS_PERSISTED) {
    // Below zero where the broker had the record from an earlier attempt and does not say where.
    pending->done(kafka::Position{message.partition, std::max<std::int64_t>(message.offset, -1)});
  } else {
    pending->done(
        DeliveryError(message.err, status, rd_kafka_topic_name(message.rkt), Detail(message)));
  }
  outstanding_.fetch_sub(1);
}

void Producer::Retire(std::shared_ptr<Client> client) {
  SetClient(nullptr);
  // Calls of Produce that began before may still add to it, and only those: the count just falls.
  do {
    rd_kafka_purge(client->rk(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                     RD_KAFKA_PURGE_F_NON_BLOCKING);
    ServeOne(*client, kDrainWait);
  } while (client.use_count() > 1 || rd_kafka_outq_len(client->rk()) > 0);
}

std::shared_ptr<Producer::Client> Producer::MakeNext() {
  while (!stopping_) {
    absl::StatusOr<std::shared_ptr<Client>> client = Client::Make(config_, use_);
    if (client.ok()) return *std::move(client);
    Log(LogLevel::kError, "the Kafka producer cannot be made again",
        {{"reason", client.status().ToString()}});
    const absl::Time next = absl::Now() + kRemakeDelay;
    while (!stopping_ && absl::Now() < next) absl::SleepFor(kDrainWait);
  }
  return nullptr;
}

}  // namespace eventbus::rdkafka
