#include "tests/bench/site.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/sample.h"

namespace eventbus::bench {

absl::StatusOr<Site> MakeSite(const Setting& setting) {
  auto server = StartServer(setting);
  if (!server.ok()) return server.status();
  auto producer = DirectProducer::Make(setting.bootstrap);
  if (!producer.ok()) return producer.status();
  return Site{setting, *std::move(server), *std::move(producer)};
}

absl::StatusOr<Backlog> WriteBacklog(const Site& site) {
  const auto begin = site.producer->Ends();
  if (!begin.ok()) return begin.status();
  const auto events =
      site.producer->Write(Budget(absl::InfiniteDuration(), site.setting.max_events));
  if (!events.ok()) return events.status();
  if (auto status = CheckGrowth(*site.producer, *begin, *events); !status.ok()) return status;
  return Backlog{*begin, *events};
}

void TakeState(const ServerProcess& server, Measurement& result) {
  result.resident_bytes = server.resident_bytes();
  result.threads = server.threads();
}

v1::StartPosition StartAt(const Offsets& offsets) {
  v1::StartPosition start;
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    v1::Position& position = *start.mutable_offsets()->add_positions();
    position.set_topic(kTopic);
    position.set_partition(static_cast<int>(i));
    position.set_offset(offsets[i]);
  }
  return start;
}

v1::SubscribeRequest ReaderRequest() {
  v1::SubscribeRequest request;
  request.add_topics(kTopic);
  request.set_client_id("bench");
  return request;
}

v1::SubscribeRequest GroupRequest(const Offsets& begin, const std::string& name) {
  v1::SubscribeRequest request = ReaderRequest();
  v1::Group& group = *request.mutable_group();
  group.set_id(absl::StrCat("bench-", getpid(), "-", name));
  group.set_ack_mode(v1::ACK_MODE_AUTO);
  *group.mutable_initial_position() = StartAt(begin);
  return request;
}

}  // namespace eventbus::bench
