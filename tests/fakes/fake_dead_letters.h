#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "server/base/mutex.h"
#include "server/bus/dead_letters.h"

namespace eventbus::fakes {

// Dead-letter topics in memory. Thread-safe.
class FakeDeadLetters final : public bus::DeadLetters {
 public:
  // ---- The test's side.
  // Prepare answers with it; OK: the topics are there.
  void SetPrepareError(const absl::Status& error) {
    MutexLock lock(mu_);
    prepare_error_ = error;
  }
  // Letters are answered with it, and not kept; OK: they are written.
  void SetWriteError(const absl::Status& error) {
    MutexLock lock(mu_);
    write_error_ = error;
  }
  // Letters wait until Answer; else they are answered within Write.
  void Hold() {
    MutexLock lock(mu_);
    hold_ = true;
  }
  // Answers the oldest letter that waits, which is kept if `status` is OK. False: none waits.
  bool Answer(const absl::Status& status = absl::OkStatus()) {
    Waiting oldest;
    {
      MutexLock lock(mu_);
      if (waiting_.empty()) return false;
      oldest = std::move(waiting_.front());
      waiting_.pop_front();
      if (status.ok()) written_.push_back(std::move(oldest.letter.front()));
    }
    oldest.done(status);
    return true;
  }
  std::size_t waiting() const {
    MutexLock lock(mu_);
    return waiting_.size();
  }
  std::vector<bus::DeadLetter> written() const {
    MutexLock lock(mu_);
    return written_;
  }
  // A group and its topics, for each call of Prepare.
  std::vector<std::pair<std::string, std::vector<std::string>>> prepared() const {
    MutexLock lock(mu_);
    return prepared_;
  }

  // ---- bus::DeadLetters.
  absl::Status Prepare(const std::string& group, const std::vector<std::string>& topics) override {
    MutexLock lock(mu_);
    prepared_.emplace_back(group, topics);
    return prepare_error_;
  }

  void Write(bus::DeadLetter letter, Done done) override {
    absl::Status status;
    {
      MutexLock lock(mu_);
      if (hold_) {
        waiting_.push_back({{std::move(letter)}, std::move(done)});
        return;
      }
      status = write_error_;
      if (status.ok()) written_.push_back(std::move(letter));
    }
    done(status);
  }

 private:
  struct Waiting {
    std::vector<bus::DeadLetter> letter;  // One; a letter cannot be made of nothing.
    Done done;
  };

  mutable Mutex mu_;
  absl::Status prepare_error_ ABSL_GUARDED_BY(mu_);
  absl::Status write_error_ ABSL_GUARDED_BY(mu_);
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mu_);
  std::vector<bus::DeadLetter> written_ ABSL_GUARDED_BY(mu_);
  std::vector<std::pair<std::string, std::vector<std::string>>> prepared_ ABSL_GUARDED_BY(mu_);
};

}  // namespace eventbus::fakes
