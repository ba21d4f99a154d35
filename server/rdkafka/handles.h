#pragma once

#include <librdkafka/rdkafka.h>
// Needs rdkafka.h before it.
#include <librdkafka/rdkafka_mock.h>

#include <memory>

namespace eventbus::rdkafka {

// Destroys what librdkafka made by the function that librdkafka names for it.
template <auto kDestroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const {
    kDestroy(object);
  }
};

template <typename T, auto kDestroy>
using Holder = std::unique_ptr<T, Destroy<kDestroy>>;

// A client. Destroying one joins its threads: milliseconds, but more where a broker is unreachable.
using ClientHolder = Holder<rd_kafka_t, rd_kafka_destroy>;
// Owned by the client once rd_kafka_new succeeded.
using ConfHolder = Holder<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using QueueHolder = Holder<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using TopicHolder = Holder<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using EventHolder = Holder<rd_kafka_event_t, rd_kafka_event_destroy>;
using ErrorHolder = Holder<rd_kafka_error_t, rd_kafka_error_destroy>;
using MessageHolder = Holder<rd_kafka_message_t, rd_kafka_message_destroy>;
// Owned by the message once rd_kafka_producev succeeded.
using HeadersHolder = Holder<rd_kafka_headers_t, rd_kafka_headers_destroy>;
using PartitionsHolder =
    Holder<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
// `const`, because rd_kafka_metadata hands it out so.
using MetadataHolder = Holder<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using NewTopicHolder = Holder<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using ConfigResourceHolder = Holder<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using GroupListHolder = Holder<const rd_kafka_group_list, rd_kafka_group_list_destroy>;
using AdminOptionsHolder = Holder<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using MockClusterHolder = Holder<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy>;

}  // namespace eventbus::rdkafka
