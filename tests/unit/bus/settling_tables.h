#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "server/bus/acknowledge.h"
#include "server/bus/commit_metadata.h"
#include "server/bus/settling_options.h"
#include "server/kafka/consumer.h"

namespace eventbus::bus {

// What became of each event of a few partitions and of each token of a stream, as plain tables:
// what a Settling is held against. Every check is fatal.
class SettlingTables {
 protected:
  static constexpr int kPartitions = 3;

  enum class Where { kUnread, kHeld, kOut, kLetter, kSettled };
  struct Event {
    absl::optional<std::string> key;
    bool decodable = true;
    bool wanted = true;  // Or held back by a filter.
    Where where = Where::kUnread;
    int failures = 0;
  };
  struct Log {
    std::map<std::int64_t, Event> events;
    std::int64_t end = 0;
    std::int64_t next = 0;  // To be read.
    bool owned = false;
    absl::optional<kafka::GroupOffset> known;  // What the member knows to be committed.
    std::vector<kafka::GroupOffset> sent;      // By it since then.
  };
  struct Token {
    enum State { kOut, kDone, kRetried, kFailed, kGivenUp, kExpired, kLost };
    int partition = 0;
    std::int64_t offset = 0;
    State state = kOut;
    std::uint64_t batch = 0;
    bool written = false;  // To the dead-letter topic.
  };
  struct Collected {
    std::uint64_t number = 0;
    int partition = 0;
    std::int64_t offset = 0;
  };

  static constexpr auto kOk = v1::ERROR_REASON_UNSPECIFIED;
  static constexpr auto kTokenExpired = v1::ERROR_REASON_ACK_TOKEN_EXPIRED;
  static constexpr auto kTokenNotOwned = v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED;

  static kafka::TopicPartition Partition(int p) { return {"document-events", p}; }
  Event& At(const Token& token) { return logs_[token.partition].events.at(token.offset); }

  std::vector<Token*> TokensOf(const AckToken& token) {
    std::vector<Token*> tokens;
    for (auto& [number, each] : tokens_) {
      if (token.batch ? each.batch == token.number : number == token.number) {
        tokens.push_back(&each);
      }
    }
    return tokens;
  }

  // All of its key before it are with the client, too, or done with.
  void CheckOrder(const Collected& each) {
    const auto& events = logs_[each.partition].events;
    const Event& event = events.at(each.offset);
    for (const auto& [offset, earlier] : events) {
      if (offset >= each.offset) return;
      if (!event.key.has_value() || earlier.key != event.key) continue;
      ASSERT_NE(earlier.where, Where::kHeld)
          << each.partition << ":" << each.offset << " before " << offset << " of its key";
      ASSERT_NE(earlier.where, Where::kUnread);
    }
  }

  void Acked(const AckToken& asked, const std::map<const Token*, bool>& aside,
             v1::ErrorReason reason) {
    bool any = false;
    for (Token* token : TokensOf(asked)) {
      if (token->state != Token::kOut) continue;
      any = true;
      if (aside.contains(token)) {
        ASSERT_TRUE(asked.batch || reason == kTokenExpired);
        continue;
      }
      token->state = Token::kDone;
      At(*token).where = Where::kSettled;
    }
    if (!any) return CheckReason(asked, Token::kDone, reason);
    const bool aside_alone = !asked.batch && aside.contains(TokensOf(asked)[0]);
    ASSERT_TRUE(aside_alone || reason == kOk);
  }

  void GivenUp(const AckToken& asked, v1::ErrorReason reason) {
    Token* token = TokensOf(asked)[0];
    if (token->state != Token::kOut) return CheckReason(asked, Token::kGivenUp, reason);
    if (!options_.dead_letters) {
      ASSERT_EQ(reason, v1::ERROR_REASON_DEAD_LETTER_DISABLED);
      return;
    }
    ASSERT_EQ(reason, kOk);
    token->state = Token::kGivenUp;
    At(*token).where = Where::kLetter;
  }

  void Retried(const AckToken& asked, std::vector<const Token*>& firsts, v1::ErrorReason reason) {
    bool any = false;
    for (Token* token : TokensOf(asked)) {
      if (token->state != Token::kOut) continue;
      any = true;
      Event& event = At(*token);
      ++event.failures;
      if (FailedForGood(event)) {
        token->state = Token::kFailed;
        event.where = Where::kLetter;
        continue;
      }
      token->state = Token::kRetried;
      event.where = Where::kHeld;
      if (event.key.has_value()) firsts.push_back(token);
    }
    if (!any) return CheckReason(asked, Token::kRetried, reason);
    ASSERT_EQ(reason, kOk);
  }

  // The later ones of its key come back with it.
  void Recall(const Token& first) {
    for (auto& [number, token] : tokens_) {
      if (token.state != Token::kOut || token.partition != first.partition) continue;
      if (token.offset <= first.offset || At(token).key != At(first).key) continue;
      token.state = Token::kExpired;
      At(token).where = Where::kHeld;
    }
  }

  // Of a token that stands for nothing that is out.
  void CheckReason(const AckToken& asked, Token::State wanted, v1::ErrorReason reason) {
    bool done = false;    // Surely...
    bool may_be = false;  // ...or if it is forgotten, or below what is committed.
    bool lost = true;
    for (const Token* token : TokensOf(asked)) {
      done = done || token->state == wanted ||
             (token->state == Token::kFailed && wanted == Token::kRetried);
      may_be = may_be || token->state == Token::kDone || token->written ||
               (token->state != Token::kLost && token->offset < kafka_[token->partition].offset);
      lost = lost && token->state == Token::kLost;
    }
    if (lost) {
      ASSERT_EQ(reason, kTokenNotOwned);
    } else if (done && !asked.batch) {
      ASSERT_EQ(reason, kOk);
    } else {
      ASSERT_TRUE(reason == kTokenExpired || (reason == kOk && (done || may_be)) ||
                  (asked.batch && reason == kTokenNotOwned))
          << reason;
    }
  }

  void Written(int partition, std::int64_t offset) {
    logs_[partition].events.at(offset).where = Where::kSettled;
    for (auto& [number, token] : tokens_) {
      const bool sent_back = token.state == Token::kFailed || token.state == Token::kGivenUp;
      const bool same = token.partition == partition && token.offset == offset;
      token.written = token.written || (same && sent_back);
    }
  }

  bool FailedForGood(const Event& event) const {
    return options_.dead_letters && options_.max_failures > 0 &&
           event.failures >= options_.max_failures;
  }

  // Nothing that is not settled is behind it, or among what it says is settled.
  void CheckCommit(const kafka::GroupOffset& offset) {
    const auto metadata = ParseCommitMetadata(offset.metadata, offset.offset);
    ASSERT_TRUE(metadata.has_value());
    for (const auto& [at, event] : logs_[offset.partition.partition].events) {
      if (event.where == Where::kSettled) continue;
      ASSERT_GE(at, offset.offset);
      for (const Span& span : metadata->settled) ASSERT_FALSE(span.begin <= at && at < span.end);
    }
  }

  void Lose(int p) {
    for (auto& [number, token] : tokens_) {
      if (token.partition != p) continue;
      const bool over = token.state == Token::kDone || token.state == Token::kExpired;
      if (!over && !token.written) token.state = Token::kLost;
    }
  }

  void Restore(int p) {
    Log& log = logs_[p];
    log.known = kafka_[p];
    log.sent.clear();
    log.next = kafka_[p].offset;
    const auto metadata = *ParseCommitMetadata(kafka_[p].metadata, log.next);
    for (auto& [offset, event] : log.events) {
      event.where = offset < log.next ? Where::kSettled : Where::kUnread;
      for (const Span& span : metadata.settled) {
        if (span.begin <= offset && offset < span.end) event.where = Where::kSettled;
      }
      event.failures = 0;
      for (const Failures& each : metadata.failures) {
        if (each.offset == offset) event.failures = each.count;
      }
      const Mark& mark = metadata.mark;
      const bool alone = mark.open && mark.out == Span{offset, offset + 1};
      if (alone && event.where != Where::kSettled) ++event.failures;
    }
  }

  bool Finished() {
    for (int p = 0; p < kPartitions; ++p) {
      if (logs_[p].owned && kafka_[p].offset != logs_[p].end) return false;
    }
    return true;
  }

  SettlingOptions options_;
  std::map<int, Log> logs_;
  std::map<std::uint64_t, Token> tokens_;    // By number.
  std::map<int, kafka::GroupOffset> kafka_;  // What the group has.
};

}  // namespace eventbus::bus
