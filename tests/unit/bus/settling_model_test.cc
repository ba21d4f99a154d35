#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/bus/settling.h"
#include "tests/unit/bus/settling_tables.h"

namespace eventbus::bus {
namespace {

// A member of a group under a random schedule: what a reader, a client, a coordinator and the
// others of the group may do to a Settling, beside plain tables of what became of each event and of
// each token. A check that fails names the seed.
class SettlingModel : private SettlingTables {
 public:
  explicit SettlingModel(unsigned seed) : random_(seed) {
    options_.max_events = 1 + Random(40);
    options_.max_span = 5 + Random(60);
    options_.dead_letters = Random(2) == 0;
    options_.max_failures = Random(4);
    most_in_batch_ = 1 + Random(12);
    settling_ = std::make_unique<Settling>(options_);
    settling_->SetStream(7);
    settling_->Advance(now_);
    for (int p = 0; p < kPartitions; ++p) {
      Log& log = logs_[p];
      std::int64_t offset = Random(5);
      kafka_[p] = {Partition(p), offset, ""};
      for (int i = 0; i < 40; ++i, offset += Random(8) == 0 ? 2 : 1) {
        Event& event = log.events[offset];
        if (const auto key = Random(5); key < 4) event.key = std::string(1, char('a' + key));
        event.decodable = Random(12) > 0;
        event.wanted = Random(12) > 0;
      }
      log.end = offset;
    }
    Assign();
  }

  // How often Kafka had a commit that seemed to have failed.
  int recognized() const { return recognized_; }

  void Step() {
    switch (Random(16)) {
      case 0:
      case 1:
      case 2:
        return ReadSome();
      case 3:
      case 4:
        return TakeBatch();
      case 5:
      case 6:
        return Commit();
      case 7:
      case 8:
        return AnswerCommit(Random(6) == 0);
      case 9:
      case 10:
      case 11:
        return Settle();
      case 12:
        return Advance(Random(3000));
      case 13:
        return WriteLetters(Random(4) == 0);
      case 14:
        if (Random(6) == 0) Rebalance();
        return;
      default:
        if (Random(12) == 0) LoseAll();
    }
  }

  // A client that settles whatever it gets, until everything is.
  void Finish() {
    for (int round = 0; round < 2000; ++round) {
      ReadSome();
      TakeBatch();
      Commit();
      while (!sent_.empty()) AnswerCommit(/*fails=*/false);
      TakeBatch();
      Settlement<AckToken> asked;
      for (const auto& [number, token] : tokens_) {
        if (token.state == Token::kOut) asked.acks.push_back({7, number, false});
      }
      Ask(asked);
      WriteLetters(/*fail=*/false);
      Advance(1000);
      if (Finished()) return;
    }
    FAIL() << "it hangs, " << settling_->outstanding() << " outstanding";
  }

 private:
  int Random(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  // ---- The reader.

  void ReadSome() {
    for (int i = Random(8); i >= 0; --i) {
      if (static_cast<int>(batch_.size()) >= most_in_batch_) return;
      if (const auto kept = settling_->Next()) {
        const auto& record = kept->record.view();
        Collect(kept->delivery, record.partition, record.offset);
      } else if (!settling_->full()) {
        ReadOne(Random(kPartitions));
      }
    }
  }

  void ReadOne(int p) {
    Log& log = logs_[p];
    if (!log.owned || settling_->IsPaused(Partition(p))) return;
    const auto found = log.events.lower_bound(log.next);
    if (found == log.events.end()) {
      log.next = log.end;
      return settling_->ReadTo(Partition(p), log.end);
    }
    auto& [offset, event] = *found;
    log.next = offset + 1;
    const bool wanted = settling_->Read(Partition(p), offset);
    ASSERT_EQ(wanted, event.where != Where::kSettled) << p << ":" << offset;
    if (!wanted) return;
    if (!event.wanted) {
      event.where = Where::kSettled;
      return settling_->Skip(Partition(p), offset);
    }
    kafka::RecordView record;
    record.topic = "document-events";
    record.partition = p;
    record.offset = offset;
    if (event.key.has_value()) record.key = *event.key;
    record.value = "value";
    event.where = !event.decodable && options_.dead_letters ? Where::kLetter : Where::kHeld;
    if (FailedForGood(event)) event.where = Where::kLetter;
    const auto delivery = settling_->Deliver(Partition(p), record, event.decodable);
    if (!delivery.has_value()) return;
    ASSERT_EQ(event.where, Where::kHeld);
    Collect(*delivery, p, offset);
  }

  void Collect(const Delivery& delivery, int p, std::int64_t offset) {
    const Event& event = logs_[p].events.at(offset);
    ASSERT_EQ(event.where, Where::kHeld) << p << ":" << offset << " is not to be delivered";
    ASSERT_EQ(delivery.attempt, event.failures + 1) << p << ":" << offset;
    batch_.push_back({ParseAckToken(delivery.ack_token)->number, p, offset});
  }

  void DropBatch() {
    batch_.clear();
    settling_->TakeBack();
  }

  void TakeBatch() {
    if (batch_.empty() || !settling_->MayTakeBatch()) return;
    // The last may be too big for it.
    const std::size_t events =
        batch_.size() > 1 && Random(8) == 0 ? batch_.size() - 1 : batch_.size();
    const AckToken batch = *ParseAckToken(settling_->TakeBatch(static_cast<int>(events)));
    ASSERT_TRUE(batch.batch);
    for (std::size_t i = 0; i < events; ++i) {
      const Collected& each = batch_[i];
      CheckOrder(each);
      Event& event = logs_[each.partition].events.at(each.offset);
      event.where = Where::kOut;
      for (auto& [number, token] : tokens_) {
        const bool same = token.partition == each.partition && token.offset == each.offset;
        ASSERT_FALSE(same && token.state == Token::kOut) << "out twice";
        if (same && token.state == Token::kRetried) token.state = Token::kExpired;
      }
      ASSERT_FALSE(tokens_.contains(each.number));
      tokens_[each.number] = {each.partition, each.offset, Token::kOut, batch.number, false};
    }
    ASSERT_EQ(batch.number, batch_[events - 1].number);
    batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(events));
    CheckCare();
  }

  // What Kafka has by now says that the partitions are read, and, of those that need care, all that
  // is out.
  void CheckCare() {
    for (const HeldPart& held : settling_->Held()) {
      const kafka::GroupOffset& offset = kafka_[held.partition.partition];
      const Mark mark = ParseCommitMetadata(offset.metadata, offset.offset)->mark;
      ASSERT_TRUE(mark.open);
      if (!held.careful_until.has_value() || held.outstanding == 0) continue;
      for (const auto& [number, token] : tokens_) {
        if (token.state != Token::kOut) continue;
        const bool known = mark.out.begin <= token.offset && token.offset < mark.out.end;
        if (token.partition == held.partition.partition) {
          ASSERT_TRUE(known || mark.out == Span()) << token.offset;
          ASSERT_TRUE(known || token.offset >= mark.few_until) << token.offset;
        } else {
          ASSERT_EQ(mark.out, Span()) << "something else is out beside";
        }
      }
    }
  }

  // ---- The client.

  void Settle() {
    if (tokens_.empty()) return;
    Settlement<AckToken> asked;
    for (int i = Random(4); i >= 0; --i) {
      auto at = tokens_.begin();
      std::advance(at, Random(static_cast<int>(tokens_.size())));
      const AckToken one{7, at->first, false};
      const AckToken token = Random(3) > 0 ? one : AckToken{7, at->second.batch, true};
      switch (Random(6)) {
        case 0:
        case 1:
          asked.retries.push_back({token, absl::Milliseconds(Random(3000))});
          break;
        case 2:
          asked.dead_letters.push_back({one, "broken"});
          break;
        default:
          asked.acks.push_back(token);
      }
    }
    Ask(asked);
  }

  void Ask(const Settlement<AckToken>& asked) {
    if (!asked.retries.empty()) DropBatch();
    const auto reasons = settling_->Settle(asked);
    ASSERT_EQ(reasons.size(), asked.size());
    std::map<const Token*, bool> aside;
    for (const auto& retry : asked.retries) {
      for (const Token* token : TokensOf(retry.token)) aside[token] = true;
    }
    for (const auto& letter : asked.dead_letters) {
      for (const Token* token : TokensOf(letter.token)) aside[token] = true;
    }
    std::size_t i = 0;
    for (const AckToken& token : asked.acks) Acked(token, aside, reasons[i++]);
    i = asked.acks.size() + asked.retries.size();
    for (const auto& letter : asked.dead_letters) GivenUp(letter.token, reasons[i++]);
    i = asked.acks.size();
    std::vector<const Token*> firsts;
    for (const auto& retry : asked.retries) Retried(retry.token, firsts, reasons[i++]);
    for (const Token* first : firsts) Recall(*first);
    CheckOutstanding();
  }

  void CheckOutstanding() {
    std::int64_t out = 0;
    for (const auto& [number, token] : tokens_) out += token.state == Token::kOut ? 1 : 0;
    ASSERT_EQ(settling_->outstanding(), out);
  }

  void Advance(int milliseconds) {
    now_ += absl::Milliseconds(milliseconds);
    settling_->Advance(now_);
    ASSERT_TRUE(options_.dead_letters || settling_->next_due() > now_);
  }

  // ---- Dead letters.

  void WriteLetters(bool fail) {
    for (auto& [id, letter] : settling_->TakeLetters()) {
      const int p = letter.event->record->view().partition;
      const std::int64_t offset = letter.event->offset;
      ASSERT_EQ(logs_[p].events.at(offset).where, Where::kLetter);
      if (fail) {
        settling_->LetterFailed(id);
      } else {
        Written(p, offset);
        settling_->LetterWritten(id);
      }
    }
  }

  // ---- The group.

  void Commit() {
    const auto due = settling_->TakeDue();
    if (!due.empty()) Send(due);
  }

  void Send(const std::vector<kafka::GroupOffset>& offsets) {
    for (const auto& each : offsets) {
      CheckCommit(each);
      auto& sent = logs_[each.partition.partition].sent;
      sent.push_back(each);
      if (sent.size() > 8) sent.erase(sent.begin());
    }
    sent_.push_back(offsets);
  }

  void AnswerCommit(bool fails) {
    if (sent_.empty()) return;
    const auto offsets = std::move(sent_.front());
    sent_.pop_front();
    if (fails) {
      if (Random(2) == 0) Store(offsets);
      return settling_->Failed(offsets, absl::UnavailableError("away"));
    }
    Store(offsets);
    for (const auto& each : offsets) Confirm(logs_[each.partition.partition], each);
    settling_->Committed(offsets);
  }

  static void Confirm(Log& log, const kafka::GroupOffset& offset) {
    log.known = offset;
    const auto sent = std::find(log.sent.begin(), log.sent.end(), offset);
    if (sent != log.sent.end()) log.sent.erase(log.sent.begin(), sent + 1);
  }

  // Whether what Kafka has is what this member has sent, as far as it can tell.
  bool IsOurs(int p) {
    Log& log = logs_[p];
    if (kafka_[p] == log.known) return true;
    if (std::find(log.sent.begin(), log.sent.end(), kafka_[p]) == log.sent.end()) return false;
    Confirm(log, kafka_[p]);
    ++recognized_;
    return true;
  }

  void Store(const std::vector<kafka::GroupOffset>& offsets) {
    for (const auto& each : offsets) kafka_[each.partition.partition] = each;
  }

  // As an eager assignor does: all are taken, and some come back.
  void Rebalance() {
    DropBatch();
    for (int p = 0; p < kPartitions; ++p) {
      if (logs_[p].owned) settling_->Close(Partition(p));
    }
    const auto last = settling_->TakeLast();
    if (!last.empty()) Send(last);
    while (!sent_.empty()) AnswerCommit(Random(8) == 0);
    std::map<int, bool> parked;
    for (int p = 0; p < kPartitions; ++p) {
      parked[p] = std::exchange(logs_[p].owned, false);
      settling_->Park(Partition(p));
    }
    if (Random(2) == 0) Settle();
    if (Random(3) == 0) WriteLetters(/*fail=*/false);
    if (Random(3) == 0) OthersRead();
    for (auto& [p, was] : parked) was = was && IsOurs(p);
    Assign(parked);
    ASSERT_NO_FATAL_FAILURE(CheckOutstanding());
  }

  void LoseAll() {
    DropBatch();
    for (int p = 0; p < kPartitions; ++p) {
      logs_[p].owned = false;
      settling_->Remove(Partition(p));
      Lose(p);
    }
    CheckOutstanding();
    while (!sent_.empty()) AnswerCommit(Random(2) == 0);
    if (Random(3) == 0) OthersRead();
    Assign();
  }

  // Another member had a partition, settled some of it, and ended in whatever way.
  void OthersRead() {
    const int p = Random(kPartitions);
    const kafka::GroupOffset& before = kafka_[p];
    CommitMetadata metadata = *ParseCommitMetadata(before.metadata, before.offset);
    std::int64_t to = before.offset;
    if (const auto at = logs_[p].events.lower_bound(to); at != logs_[p].events.end()) {
      to = std::min(at->first + Random(4), logs_[p].end);
    }
    std::erase_if(metadata.failures, [to](const Failures& each) { return each.offset < to; });
    std::erase_if(metadata.settled, [to](const Span& each) { return each.begin <= to; });
    metadata.mark.open = Random(2) == 0;
    metadata.mark.out = Random(2) == 0 ? Span{to, to + 1 + Random(3)} : Span();
    kafka_[p] = {Partition(p), to, FormatCommitMetadata(metadata, to)};
  }

  // Those that `go_on` and are assigned are as they were, the others as Kafka has them.
  void Assign(const std::map<int, bool>& go_on = {}) {
    for (int p = 0; p < kPartitions; ++p) {
      const auto found = go_on.find(p);
      const bool goes_on = found != go_on.end() && found->second;
      const bool assigned = Random(4) > 0 || p == 0;
      Log& log = logs_[p];
      log.owned = assigned;
      if (!assigned || !goes_on) Lose(p);
      if (!assigned) continue;
      if (!goes_on) Restore(p);
      const auto next = settling_->Resume(Partition(p), kafka_[p]);
      if (!next.has_value()) {
        settling_->Add(Partition(p), kafka_[p].offset, log.end, kafka_[p]);
      }
      ASSERT_EQ(log.known, kafka_[p]);
      ASSERT_EQ(next.value_or(kafka_[p].offset), log.next);
    }
    settling_->DropParked();
  }

  std::mt19937 random_;
  int most_in_batch_ = 1;
  absl::Time now_ = absl::UnixEpoch();
  std::unique_ptr<Settling> settling_;
  std::vector<Collected> batch_;
  std::deque<std::vector<kafka::GroupOffset>> sent_;
  int recognized_ = 0;
};

TEST(SettlingModelTest, IsAsTheTablesOfWhatBecameOfEachUnderRandomSchedules) {
  int recognized = 0;
  for (unsigned seed = 0; seed < 3000 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    SettlingModel model(seed);
    for (int step = 0; step < 200 && !testing::Test::HasFatalFailure(); ++step) model.Step();
    if (!testing::Test::HasFatalFailure()) model.Finish();
    recognized += model.recognized();
  }
  EXPECT_GT(recognized, 0);
}

}  // namespace
}  // namespace eventbus::bus
