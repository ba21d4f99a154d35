#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "server/app/options.h"
#include "server/rdkafka/embedded.h"

namespace eventbus::app {

// The whole server in one object: Start builds the way of an event from end to end and listens,
// before Kafka is up; Drain ends it. Start, Drain and the destructor belong to one thread.
class Server {
 public:
  // InvalidArgument: an option is wrong. Internal, Unavailable: an address cannot be listened on, a
  // client cannot be made. `schema` must outlive the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const Options& options, const google::protobuf::DescriptorPool& schema);

  virtual ~Server() = default;

  // The addresses listened on, port 0 replaced by the one taken.
  virtual std::vector<std::string> addresses() const = 0;

  // Stops taking calls, ends streams with Draining and UNAVAILABLE, delivers what was accepted,
  // then stops listening. Returns within Options::drain_timeout; true: nothing was cut off.
  virtual bool Drain() = 0;

  // The Kafka inside, or null.
  virtual rdkafka::EmbeddedKafka* embedded() = 0;
};

}  // namespace eventbus::app
