#include "server/rdkafka/admin.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error.h"
#include "server/rdkafka/conf.h"
#include "server/rdkafka/embedded.h"
#include "server/rdkafka/error.h"

namespace eventbus::rdkafka {
namespace {

constexpr std::size_t kMessageSize = 512;

int ToMilliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<std::int64_t>(absl::ToInt64Milliseconds(duration), 1, 1 << 30));
}

kafka::TopicMetadata ToTopic(const rd_kafka_metadata_topic_t& topic) {
  kafka::TopicMetadata out;
  out.partitions = topic.partition_cnt;
  for (int i = 0; i < topic.partition_cnt; ++i) {
    out.replication_factor = std::max(out.replication_factor, topic.partitions[i].replica_cnt);
  }
  return out;
}

kafka::ClusterMetadata ToCluster(const rd_kafka_metadata_t& metadata) {
  kafka::ClusterMetadata out;
  out.brokers = metadata.broker_cnt;
  for (int i = 0; i < metadata.topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata.topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR) out.topics.emplace(topic.topic, ToTopic(topic));
  }
  return out;
}

std::map<std::string, std::string> ConfigOf(const kafka::NewTopic& topic) {
  std::map<std::string, std::string> config = topic.config;
  if (topic.retention == absl::InfiniteDuration()) {
    config["retention.ms"] = "-1";
  } else if (topic.retention > absl::ZeroDuration()) {
    config["retention.ms"] = absl::StrCat(absl::ToInt64Milliseconds(topic.retention));
  }
  return config;
}

absl::StatusOr<NewTopicHolder> ToNewTopic(const kafka::NewTopic& topic) {
  char why[kMessageSize] = "";
  NewTopicHolder out(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions,
                                           topic.replication_factor, why, sizeof why));
  if (out == nullptr) {
    return MakeError(v1::ERROR_REASON_INTERNAL, absl::StrCat("creating ", topic.name, ": ", why));
  }
  for (const auto& [name, value] : ConfigOf(topic)) {
    rd_kafka_NewTopic_set_config(out.get(), name.c_str(), value.c_str());
  }
  return out;
}

// The outcome for the only topic of the request.
absl::Status ToStatus(const rd_kafka_CreateTopics_result_t& result, const std::string& topic) {
  std::size_t count = 0;
  const rd_kafka_topic_result_t** topics = rd_kafka_CreateTopics_result_topics(&result, &count);
  if (count != 1) return MakeError(v1::ERROR_REASON_INTERNAL, "CreateTopics: no answer");
  const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(topics[0]);
  if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return absl::OkStatus();
  const char* said = rd_kafka_topic_result_error_string(topics[0]);
  return CallError(error, Access::kPublish, topic, absl::StrCat("creating ", topic),
                   said == nullptr ? "" : said);
}

std::map<std::string, std::string> ToMap(const rd_kafka_ConfigResource_t& resource) {
  std::map<std::string, std::string> out;
  std::size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(&resource, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value != nullptr) out.emplace(rd_kafka_ConfigEntry_name(entries[i]), value);
  }
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Admin>> Admin::Make(const ClientConfig& config) {
  absl::StatusOr<ConfHolder> conf = MakeAdminConf(config);
  if (!conf.ok()) return conf.status();
  absl::StatusOr<ClientHolder> client = MakeClient(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!client.ok()) return client.status();
  return std::unique_ptr<Admin>(new Admin(*std::move(client), config.embedded));
}

Admin::Admin(ClientHolder client, EmbeddedKafka* embedded)
    : client_(std::move(client)), embedded_(embedded) {}

absl::StatusOr<kafka::ClusterMetadata> Admin::Describe(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  const rd_kafka_metadata_t* answer = nullptr;
  const absl::Status status =
      CallError(rd_kafka_metadata(client_.get(), /*all_topics=*/1, /*only_rkt=*/nullptr, &answer,
                                  ToMilliseconds(timeout)),
                Access::kSubscribe, "", "asking for the cluster's metadata");
  if (!status.ok()) return status;
  const MetadataHolder metadata(answer);
  kafka::ClusterMetadata out = ToCluster(*metadata);
  // Came with the metadata: no second request.
  char* cluster_id = rd_kafka_clusterid(client_.get(), ToMilliseconds(deadline - absl::Now()));
  if (cluster_id != nullptr) out.cluster_id = cluster_id;
  rd_kafka_mem_free(client_.get(), cluster_id);
  return out;
}

absl::Status Admin::CreateTopic(const kafka::NewTopic& topic, absl::Duration timeout) {
  if (embedded_ != nullptr) return embedded_->CreateTopic(topic.name, topic.partitions);
  const absl::StatusOr<NewTopicHolder> request = ToNewTopic(topic);
  if (!request.ok()) return request.status();
  rd_kafka_NewTopic_t* topics[] = {request->get()};
  const absl::StatusOr<EventHolder> answer =
      Request(RD_KAFKA_ADMIN_OP_CREATETOPICS, absl::StrCat("creating ", topic.name), topic.name,
              timeout, [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_CreateTopics(client_.get(), topics, 1, options, queue);
              });
  if (!answer.ok()) return answer.status();
  return ToStatus(*rd_kafka_event_CreateTopics_result(answer->get()), topic.name);
}

absl::StatusOr<std::map<std::string, std::string>> Admin::DescribeTopicConfig(
    const std::string& topic, absl::Duration timeout) {
  const std::string what = absl::StrCat("asking for the configuration of ", topic);
  if (embedded_ != nullptr) {
    return MakeError(v1::ERROR_REASON_UNSUPPORTED,
                     absl::StrCat(what, ": the embedded Kafka has none"));
  }
  const ConfigResourceHolder request(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* resources[] = {request.get()};
  const absl::StatusOr<EventHolder> answer =
      Request(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, what, topic, timeout,
              [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_DescribeConfigs(client_.get(), resources, 1, options, queue);
              });
  if (!answer.ok()) return answer.status();
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(answer->get()), &count);
  if (count != 1) return MakeError(v1::ERROR_REASON_INTERNAL, absl::StrCat(what, ": no answer"));
  const char* said = rd_kafka_ConfigResource_error_string(found[0]);
  const absl::Status status = CallError(rd_kafka_ConfigResource_error(found[0]), Access::kSubscribe,
                                        topic, what, said == nullptr ? "" : said);
  if (!status.ok()) return status;
  return ToMap(*found[0]);
}

absl::StatusOr<EventHolder> Admin::Request(
    rd_kafka_admin_op_t operation, absl::string_view what, const std::string& topic,
    absl::Duration timeout,
    absl::FunctionRef<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)> send) {
  const int milliseconds = ToMilliseconds(timeout);
  char why[kMessageSize] = "";
  const AdminOptionsHolder options(rd_kafka_AdminOptions_new(client_.get(), operation));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), milliseconds, why, sizeof why);
  const QueueHolder queue(rd_kafka_queue_new(client_.get()));
  send(options.get(), queue.get());
  // librdkafka answers by its own timeout; the rest is for the answer to arrive.
  EventHolder answer(rd_kafka_queue_poll(queue.get(), milliseconds + 1000));
  if (answer == nullptr) {
    return CallError(RD_KAFKA_RESP_ERR__TIMED_OUT, Access::kPublish, topic, what);
  }
  const char* said = rd_kafka_event_error_string(answer.get());
  const absl::Status status = CallError(rd_kafka_event_error(answer.get()), Access::kPublish, topic,
                                        what, said == nullptr ? "" : said);
  if (!status.ok()) return status;
  return answer;
}

}  // namespace eventbus::rdkafka
