#include "server/bus/provision.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "server/bus/new_topic.h"

namespace eventbus::bus {
namespace {

constexpr char kRetention[] = "retention.ms";
constexpr char kMinInsync[] = "min.insync.replicas";

class Provisioner {
 public:
  Provisioner(std::int32_t replication_factor, kafka::Admin& admin, const Clock& clock,
              absl::Duration timeout)
      : replication_factor_(replication_factor), admin_(admin), clock_(clock), timeout_(timeout) {}

  absl::Status Create(const event::Topic& topic) {
    const kafka::NewTopic wanted{topic.name, topic.partitions, replication_factor_,
                                 topic.retention};
    if (absl::Status status = admin_.CreateTopic(wanted, timeout_); !status.ok()) return status;
    report_.created.push_back(topic.name);
    return absl::OkStatus();
  }

  void Compare(const event::Topic& topic, const kafka::TopicMetadata& found) {
    Differ(topic.name, "partitions", absl::StrCat(found.partitions),
           absl::StrCat(topic.partitions));
    if (found.replication_factor != 0) {
      Differ(topic.name, "replication factor", absl::StrCat(found.replication_factor),
             absl::StrCat(replication_factor_));
    }
  }

  absl::Status ReadConfig(const event::Topic& topic, bool existed) {
    const auto config = existed ? admin_.DescribeTopicConfig(topic.name, timeout_)
                                : DescribeNewTopicConfig(admin_, clock_, topic.name, timeout_);
    if (absl::IsUnimplemented(config.status())) return absl::OkStatus();  // The embedded Kafka.
    if (absl::IsPermissionDenied(config.status())) {
      report_.differences.push_back(absl::StrCat(
          topic.name, ": its configuration cannot be read: ", config.status().message()));
      return absl::OkStatus();
    }
    if (!config.ok()) return config.status();
    if (existed) {
      Differ(topic.name, kRetention, Get(*config, kRetention),
             absl::StrCat(absl::ToInt64Milliseconds(topic.retention)));
    }
    report_.durability.push_back(absl::StrCat(topic.name, ": acks=all waits for ", kMinInsync, "=",
                                              Get(*config, kMinInsync), " at least"));
    return absl::OkStatus();
  }

  ProvisionReport report() const { return report_; }

 private:
  static std::string Get(const std::map<std::string, std::string>& config, const char* name) {
    const auto found = config.find(name);
    return found == config.end() ? "unknown" : found->second;
  }

  void Differ(const std::string& topic, absl::string_view what, const std::string& found,
              const std::string& documented) {
    if (found == documented) return;
    report_.differences.push_back(absl::StrCat(
        topic, ": ", what, " is ", found, ", the schema says ", documented, "; left as it is"));
  }

  const std::int32_t replication_factor_;
  kafka::Admin& admin_;
  const Clock& clock_;
  const absl::Duration timeout_;
  ProvisionReport report_;
};

}  // namespace

absl::StatusOr<ProvisionReport> Provision(const event::Catalog& catalog,
                                          std::int32_t replication_factor, kafka::Admin& admin,
                                          const Clock& clock, absl::Duration timeout) {
  const auto metadata = admin.Describe(timeout);
  if (!metadata.ok()) return metadata.status();
  Provisioner provisioner(replication_factor, admin, clock, timeout);
  for (const event::Topic& topic : catalog.topics()) {
    const auto found = metadata->topics.find(topic.name);
    const bool existed = found != metadata->topics.end();
    absl::Status status = absl::OkStatus();
    if (existed) {
      provisioner.Compare(topic, found->second);
    } else {
      status = provisioner.Create(topic);
    }
    if (status.ok()) status = provisioner.ReadConfig(topic, existed);
    if (!status.ok()) return status;
  }
  return provisioner.report();
}

}  // namespace eventbus::bus
