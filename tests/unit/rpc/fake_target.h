#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/bus/acknowledge.h"

namespace eventbus::rpc {

// Says of each token what it is told to, UNSPECIFIED where it is told nothing. Held, it says
// nothing before Release. Thread-safe.
class FakeTarget final : public bus::AckTarget {
 public:
  using Reasons = std::vector<v1::ErrorReason>;

  static std::shared_ptr<FakeTarget> Enter(bus::AckRegistry& registry) {
    auto target = std::make_shared<FakeTarget>();
    target->stream_ = registry.Enter(target);
    return target;
  }

  void Settle(bus::Settlement<bus::AckToken> asked, Done done) override {
    Reasons reasons;
    {
      MutexLock lock(mu_);
      for (const bus::AckToken& token : asked.acks) {
        settled_.push_back(token.number);
        reasons.push_back(token.number == refused_ ? v1::ERROR_REASON_ACK_TOKEN_EXPIRED
                                                   : v1::ERROR_REASON_UNSPECIFIED);
      }
      // The others as they come: with how long to wait, and why.
      for (const auto& retry : asked.retries) {
        others_.push_back(absl::StrCat("retry ", retry.token.number, " ",
                                       absl::FormatDuration(retry.delay.value_or(absl::Hours(1)))));
        reasons.push_back(v1::ERROR_REASON_UNSPECIFIED);
      }
      for (const auto& letter : asked.dead_letters) {
        others_.push_back(absl::StrCat("dead letter ", letter.token.number, " ", letter.reason));
        reasons.push_back(v1::ERROR_REASON_DEAD_LETTER_DISABLED);
      }
      if (held_) {
        asked_.emplace_back(std::move(reasons), std::move(done));
        return;
      }
    }
    done(std::move(reasons));
  }

  void Hold() {
    MutexLock lock(mu_);
    held_ = true;
  }
  void Refuse(std::uint64_t number) {
    MutexLock lock(mu_);
    refused_ = number;
  }
  // Answers what has been held.
  void Release() {
    std::deque<std::pair<Reasons, Done>> asked;
    {
      MutexLock lock(mu_);
      asked.swap(asked_);
      held_ = false;
    }
    for (auto& [reasons, done] : asked) done(std::move(reasons));
  }

  std::string Token(std::uint64_t number) const {
    return bus::FormatAckToken({stream_, number, false});
  }
  std::vector<std::uint64_t> settled() {
    MutexLock lock(mu_);
    return settled_;
  }
  std::vector<std::string> others() {
    MutexLock lock(mu_);
    return others_;
  }
  void WaitUntilAsked() {
    while (settled().empty()) std::this_thread::yield();
  }

 private:
  std::uint64_t stream_ = 0;
  Mutex mu_;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  std::uint64_t refused_ ABSL_GUARDED_BY(mu_) = ~std::uint64_t{0};
  std::vector<std::uint64_t> settled_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> others_ ABSL_GUARDED_BY(mu_);
  std::deque<std::pair<Reasons, Done>> asked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::rpc
