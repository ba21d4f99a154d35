#include "tests/bench/direct.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/process.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {
namespace {

// As the server adds it.
constexpr char kHeaderName[] = "content-type";
constexpr char kHeaderValue[] = "application/json";
constexpr int kTimeoutMs = 10'000;
constexpr int kPollMs = 100;
constexpr absl::Duration kStall = absl::Seconds(30);
// Below librdkafka's own limit of 100,000.
constexpr std::int64_t kMostOutstanding = 20'000;
constexpr int kAskEach = 200;

using Settings = std::vector<std::pair<const char*, std::string>>;
using rdkafka::ClientHolder;
using rdkafka::ConfHolder;
using rdkafka::MessageHolder;

absl::Status ErrorOf(const char* doing, rd_kafka_resp_err_t error) {
  return absl::UnavailableError(absl::StrCat(doing, ": ", rd_kafka_err2str(error)));
}

ConfHolder MakeConf(const Settings& settings) {
  ConfHolder conf(rd_kafka_conf_new());
  for (const auto& [name, value] : settings) {
    rd_kafka_conf_set(conf.get(), name, value.c_str(), nullptr, 0);
  }
  return conf;
}

absl::StatusOr<ClientHolder> MakeClient(rd_kafka_type_t type, ConfHolder conf) {
  char why[512] = "";
  ClientHolder client(rd_kafka_new(type, conf.get(), why, sizeof why));
  if (client == nullptr) return absl::InvalidArgumentError(why);
  static_cast<void>(conf.release());
  return client;
}

absl::StatusOr<Offsets> EndsOf(rd_kafka_t* client) {
  const rdkafka::TopicHolder topic(rd_kafka_topic_new(client, kTopic, nullptr));
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client, 0, topic.get(), &found, kTimeoutMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return ErrorOf("metadata", error);
  const rdkafka::MetadataHolder metadata(found);
  Offsets ends(static_cast<std::size_t>(found->topics[0].partition_cnt));
  for (std::size_t i = 0; i < ends.size(); ++i) {
    std::int64_t begin = 0;
    const auto failed = rd_kafka_query_watermark_offsets(client, kTopic, static_cast<int>(i),
                                                         &begin, &ends[i], kTimeoutMs);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return ErrorOf("watermarks", failed);
  }
  return ends;
}

// Connected already: a consumer that has met no broker takes half a second to its first record.
absl::StatusOr<ClientHolder> MakeConsumer(const std::string& bootstrap,
                                          const std::string& group = "bus-bench") {
  auto client = MakeClient(RD_KAFKA_CONSUMER, MakeConf({{"bootstrap.servers", bootstrap},
                                                        {"group.id", group},
                                                        {"enable.auto.commit", "false"},
                                                        {"auto.offset.reset", "error"}}));
  if (!client.ok()) return client.status();
  rd_kafka_poll_set_consumer(client->get());
  if (auto ends = EndsOf(client->get()); !ends.ok()) return ends.status();
  return client;
}

absl::Status Assign(rd_kafka_t* client, const Offsets& begin) {
  const auto size = static_cast<int>(begin.size());
  const rdkafka::PartitionsHolder list(rd_kafka_topic_partition_list_new(size));
  for (int i = 0; i < size; ++i) {
    rd_kafka_topic_partition_list_add(list.get(), kTopic, i)->offset =
        begin[static_cast<std::size_t>(i)];
  }
  const auto error = rd_kafka_assign(client, list.get());
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? absl::OkStatus() : ErrorOf("assign", error);
}

// The next record.
absl::StatusOr<MessageHolder> Poll(rd_kafka_t* client) {
  const absl::Time deadline = absl::Now() + kStall;
  do {
    MessageHolder message(rd_kafka_consumer_poll(client, kPollMs));
    if (message == nullptr) continue;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return ErrorOf("consume", message->err);
    return message;
  } while (absl::Now() < deadline);
  return absl::DeadlineExceededError("consume: no record");
}

std::string ToString(const void* data, std::size_t size) {
  return std::string(static_cast<const char*>(data), size);
}

std::string HeadersOf(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  std::string text;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return text;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    absl::StrAppend(&text, name, ": ", ToString(value, size), "\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DirectProducer>> DirectProducer::Make(const std::string& bootstrap) {
  ConfHolder conf = MakeConf({{"bootstrap.servers", bootstrap},
                              {"acks", "all"},
                              {"enable.idempotence", "true"},
                              {"linger.ms", "0"},
                              {"max.in.flight.requests.per.connection", "2"},
                              {"partitioner", "murmur2_random"}});
  std::unique_ptr<DirectProducer> producer(new DirectProducer());
  rd_kafka_conf_set_opaque(conf.get(), producer.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), OnDelivered);
  auto client = MakeClient(RD_KAFKA_PRODUCER, std::move(conf));
  if (!client.ok()) return client.status();
  producer->client_ = *std::move(client);
  producer->topic_.reset(rd_kafka_topic_new(producer->client_.get(), kTopic, nullptr));
  return producer;
}

absl::StatusOr<Measurement> DirectProducer::RunLoop(int outstanding, Budget budget) {
  latencies_ = Latencies();
  const std::int64_t before = delivered_;
  const absl::Duration cpu = OwnCpu();
  bool more = true;
  while (more || outstanding_ > 0) {
    while (more && outstanding_ < outstanding) {
      more = budget.Take(1);
      if (!more) break;
      if (absl::Status status = ProduceNext(); !status.ok()) return status;
    }
    rd_kafka_poll(client_.get(), kPollMs);
    if (!error_.ok()) return error_;
  }
  Measurement result;
  result.events = delivered_ - before;
  result.elapsed = budget.elapsed();
  result.cpu = OwnCpu() - cpu;
  result.p50 = latencies_.Percentile(0.5);
  result.p99 = latencies_.Percentile(0.99);
  return result;
}

absl::StatusOr<std::int64_t> DirectProducer::Write(
    Budget budget, const std::function<bool(std::int64_t)>& may_go_on) {
  const std::int64_t before = delivered_;
  for (std::int64_t i = 0; error_.ok() && budget.Take(1); ++i) {
    while (outstanding_ >= kMostOutstanding) rd_kafka_poll(client_.get(), kPollMs);
    if (absl::Status status = ProduceNext(); !status.ok()) return status;
    if (i % kAskEach != 0) continue;
    rd_kafka_poll(client_.get(), 0);
    while (error_.ok() && may_go_on != nullptr && !may_go_on(delivered_ - before)) {
      rd_kafka_poll(client_.get(), 1);
    }
  }
  while (outstanding_ > 0) rd_kafka_poll(client_.get(), kPollMs);
  latencies_ = Latencies();
  if (!error_.ok()) return error_;
  return delivered_ - before;
}

absl::StatusOr<Offsets> DirectProducer::Ends() const { return EndsOf(client_.get()); }

void DirectProducer::OnDelivered(rd_kafka_t* /*client*/, const rd_kafka_message_t* message,
                                 void* producer) {
  DirectProducer& self = *static_cast<DirectProducer*>(producer);
  --self.outstanding_;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    self.error_ = ErrorOf("deliver", message->err);
    return;
  }
  ++self.delivered_;
  const auto begin = absl::FromUnixNanos(reinterpret_cast<std::intptr_t>(message->_private));
  self.latencies_.Add(absl::Now() - begin);
}

// librdkafka reads key and value in place: the samples live for ever.
absl::Status DirectProducer::ProduceNext() {
  const Sample& sample = Samples()[next_++ % Samples().size()];
  auto* const now =
      reinterpret_cast<void*>(static_cast<std::intptr_t>(absl::GetCurrentTimeNanos()));
  const auto error = rd_kafka_producev(
      client_.get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
      RD_KAFKA_V_MSGFLAGS(0), RD_KAFKA_V_KEY(sample.key.data(), sample.key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(sample.json.data()), sample.json.size()),
      RD_KAFKA_V_HEADER(kHeaderName, kHeaderValue, sizeof(kHeaderValue) - 1),
      RD_KAFKA_V_OPAQUE(now), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return ErrorOf("produce", error);
  ++outstanding_;
  return absl::OkStatus();
}

absl::StatusOr<Measurement> ConsumeDirectly(const std::string& bootstrap, const Offsets& begin,
                                            std::int64_t events) {
  auto client = MakeConsumer(bootstrap);
  if (!client.ok()) return client.status();
  const absl::Duration cpu = OwnCpu();
  const absl::Time start = absl::Now();
  if (absl::Status status = Assign(client->get(), begin); !status.ok()) return status;
  Measurement result;
  for (; result.events < events; ++result.events) {
    if (auto message = Poll(client->get()); !message.ok()) return message.status();
  }
  result.elapsed = absl::Now() - start;
  result.cpu = OwnCpu() - cpu;
  return result;
}

absl::StatusOr<Offsets> CommittedBy(const std::string& bootstrap, const std::string& group,
                                    std::size_t partitions) {
  auto client = MakeConsumer(bootstrap, group);
  if (!client.ok()) return client.status();
  const auto size = static_cast<int>(partitions);
  const rdkafka::PartitionsHolder list(rd_kafka_topic_partition_list_new(size));
  for (int i = 0; i < size; ++i) rd_kafka_topic_partition_list_add(list.get(), kTopic, i);
  const auto error = rd_kafka_committed(client->get(), list.get(), kTimeoutMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return ErrorOf("committed", error);
  Offsets offsets;
  for (int i = 0; i < size; ++i) offsets.push_back(list->elems[i].offset);
  return offsets;
}

absl::Status CheckRecord(const std::string& bootstrap, const Offsets& begin) {
  auto client = MakeConsumer(bootstrap);
  if (!client.ok()) return client.status();
  if (absl::Status status = Assign(client->get(), begin); !status.ok()) return status;
  auto message = Poll(client->get());
  if (!message.ok()) return message.status();
  const std::string key = ToString((*message)->key, (*message)->key_len);
  const std::string json = ToString((*message)->payload, (*message)->len);
  const std::string headers = HeadersOf(**message);
  for (const Sample& sample : Samples()) {
    if (sample.key != key) continue;
    if (sample.json == json && headers == absl::StrCat(kHeaderName, ": ", kHeaderValue, "\n")) {
      return absl::OkStatus();
    }
  }
  return absl::DataLossError(absl::StrCat("not the sample: ", key, ", ", headers, json));
}

}  // namespace eventbus::bench
