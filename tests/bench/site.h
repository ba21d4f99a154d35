#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "tests/bench/direct.h"
#include "tests/bench/measurement.h"
#include "tests/bench/process.h"
#include "tests/bench/setting.h"

namespace eventbus::bench {

// What a case of reading has at hand: a server of its own, and a writer.
struct Site {
  const Setting& setting;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<DirectProducer> producer;
};

absl::StatusOr<Site> MakeSite(const Setting& setting);

// Records that are there to be read, and all there is from `begin` on.
struct Backlog {
  Offsets begin;
  std::int64_t events = 0;
};

// As many as the setting says.
absl::StatusOr<Backlog> WriteBacklog(const Site& site);

// Fills in what is said of the server's process.
void TakeState(const ServerProcess& server, Measurement& result);

v1::StartPosition StartAt(const Offsets& offsets);

// A reader of the topic, and a member of the group `bench-<process>-<name>` under `ACK_MODE_AUTO`.
v1::SubscribeRequest ReaderRequest();
v1::SubscribeRequest GroupRequest(const Offsets& begin, const std::string& name);

}  // namespace eventbus::bench
