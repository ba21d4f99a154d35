#include "server/bus/part_commits.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>
#include <utility>

namespace eventbus::bus {
namespace {

kafka::GroupOffset At(std::int64_t offset, const std::string& metadata = "") {
  return {{"document-events", 0}, offset, metadata};
}

TEST(PartCommitsTest, WhatTheGroupHasIsNotSentAgain) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.due());
  EXPECT_FALSE(commits.Take(At(5)));
  EXPECT_FALSE(commits.due());
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, WhatItDoesNotHaveIs) {
  PartCommits commits(absl::nullopt);
  EXPECT_TRUE(commits.Take(At(5)));
  EXPECT_EQ(commits.committed(), absl::nullopt);
  commits.Committed(At(5));
  EXPECT_EQ(commits.committed(), At(5));
}

TEST(PartCommitsTest, WhatIsOnItsWayIsNotSentAgain) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(6)));
  commits.Touch();
  EXPECT_FALSE(commits.Take(At(6)));
}

TEST(PartCommitsTest, WhatIsAnnouncedIsConfirmedByTheAnswerToIt) {
  PartCommits commits(At(5));
  commits.Announce();
  EXPECT_FALSE(commits.confirmed());
  EXPECT_TRUE(commits.Take(At(5, "open")));
  EXPECT_FALSE(commits.confirmed());
  commits.Committed(At(5, "open"));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, AnAnswerToWhatWasSentBeforeConfirmsNothing) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(6)));
  commits.Announce();
  EXPECT_TRUE(commits.Take(At(6, "open")));
  commits.Committed(At(6));
  EXPECT_FALSE(commits.confirmed());
  commits.Committed(At(6, "open"));
  EXPECT_TRUE(commits.confirmed());
}

// The contents are the same, what they stand for is not.
// As of the log that the topic had before it was made again.
TEST(PartCommitsTest, AnAnswerToWhatIsNotItsOwnIsPassedOver) {
  PartCommits commits(absl::nullopt);
  commits.Announce();
  EXPECT_TRUE(commits.Take(At(5)));
  commits.Committed(At(90));
  EXPECT_EQ(commits.committed(), absl::nullopt);
  EXPECT_FALSE(commits.confirmed());
  commits.Committed(At(5));
  EXPECT_EQ(commits.committed(), At(5));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, TheSameContentsThereAndBackAreThreeCommits) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(5, "a")));
  EXPECT_TRUE(commits.Take(At(5, "b")));
  commits.Announce();
  EXPECT_TRUE(commits.Take(At(5, "a")));
  commits.Committed(At(5, "a"));
  EXPECT_FALSE(commits.confirmed()) << "that was the first";
  commits.Committed(At(5, "b"));
  EXPECT_FALSE(commits.confirmed());
  commits.Committed(At(5, "a"));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, AnAnnouncementThatIsOnItsWayAlreadyIsConfirmedByIt) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(5, "a")));
  commits.Announce();
  EXPECT_FALSE(commits.Take(At(5, "a")));
  EXPECT_FALSE(commits.confirmed());
  commits.Committed(At(5, "a"));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, AnAnnouncementThatKafkaHasIsConfirmedAtOnce) {
  PartCommits commits(At(5, "a"));
  commits.Announce();
  EXPECT_FALSE(commits.Take(At(5, "a")));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, WhatFailedIsDueAndSentAgain) {
  PartCommits commits(At(5));
  commits.Announce();
  EXPECT_TRUE(commits.Take(At(6)));
  EXPECT_FALSE(commits.due());
  commits.Failed(At(6));
  EXPECT_TRUE(commits.due());
  EXPECT_FALSE(commits.confirmed());
  EXPECT_TRUE(commits.Take(At(6)));
  commits.Committed(At(6));
  EXPECT_TRUE(commits.confirmed());
}

// It may have come to Kafka before the one that failed, or after it.
TEST(PartCommitsTest, WhatWasSentBehindOneThatFailedIsSentAgain) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(6)));
  EXPECT_TRUE(commits.Take(At(7)));
  commits.Failed(At(6));
  EXPECT_TRUE(commits.Take(At(7)));
  commits.Committed(At(7));
  commits.Committed(At(7));
  EXPECT_EQ(commits.committed(), At(7));
}

TEST(PartCommitsTest, TheLastDoesNotTrustWhatIsOnItsWay) {
  PartCommits commits(At(5));
  EXPECT_FALSE(commits.TakeLast(At(5)));
  EXPECT_TRUE(commits.Take(At(6)));
  EXPECT_TRUE(commits.TakeLast(At(6)));
  commits.Committed(At(6));
  EXPECT_TRUE(commits.TakeLast(At(6))) << "one of two is answered";
  commits.Committed(At(6));
  commits.Committed(At(6));
  EXPECT_FALSE(commits.TakeLast(At(6)));
}

// The last commit before a rebalance is also taken of partitions that stay.
TEST(PartCommitsTest, TheLastCommitConfirmsWhatKafkaHasAlready) {
  PartCommits commits(At(1));
  commits.Announce();
  EXPECT_FALSE(commits.TakeLast(At(1)));
  EXPECT_TRUE(commits.confirmed());
}

TEST(PartCommitsTest, TheLastIsSentAgainAfterAFailure) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(6)));
  commits.Failed(At(6));
  EXPECT_TRUE(commits.TakeLast(At(6)));
}

TEST(PartCommitsTest, KafkaMayHaveWhatWasSentSinceTheLastAnswer) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(6)));
  commits.Committed(At(6));
  EXPECT_TRUE(commits.Take(At(7)));
  EXPECT_TRUE(commits.Take(At(8)));
  commits.Failed(At(7));
  EXPECT_FALSE(commits.Recognize(At(5))) << "Kafka had another one since";
  EXPECT_FALSE(commits.Recognize(At(7, "another's")));
  EXPECT_TRUE(commits.Recognize(At(6)));
  EXPECT_TRUE(commits.Recognize(At(7)));
  EXPECT_EQ(commits.committed(), At(7));
  EXPECT_FALSE(commits.Recognize(At(6))) << "that is over";
  EXPECT_TRUE(commits.Recognize(At(8)));
}

TEST(PartCommitsTest, TheOldestThatKafkaMayHaveAreForgotten) {
  PartCommits commits(At(0));
  for (int i = 1; i <= 9; ++i) {
    EXPECT_TRUE(commits.Take(At(i)));
    commits.Failed(At(i));
  }
  EXPECT_FALSE(commits.Recognize(At(1)));
  EXPECT_TRUE(commits.Recognize(At(2)));
}

TEST(PartCommitsTest, SettledItGoesByWhatWasCommitted) {
  PartCommits commits(At(5));
  EXPECT_TRUE(commits.Take(At(6)));
  commits.Settle();
  EXPECT_TRUE(commits.due());
  EXPECT_FALSE(commits.Take(At(5)));
  EXPECT_TRUE(commits.Take(At(6)));
}

// A Kafka that answers late, in order, and fails at times, with or without having taken it: what is
// confirmed is in Kafka, or was, and in the end Kafka has what is to be there.
TEST(PartCommitsTest, KafkaHasWhatIsConfirmed) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    PartCommits commits(absl::nullopt);
    std::deque<std::pair<kafka::GroupOffset, int>> sent;  // And when.
    absl::optional<kafka::GroupOffset> kafka;
    kafka::GroupOffset now = At(0, "0");
    // What was announced last, and when; whether Kafka has had it since, or what was sent later.
    kafka::GroupOffset announced = now;
    int announced_at = 0;
    int sends = 0;
    bool reached = true;
    const auto answer = [&](bool fails) {
      const auto [offset, when] = sent.front();
      sent.pop_front();
      if (!fails || random() % 2 == 0) {
        kafka = offset;
        reached = reached || offset == announced || when >= announced_at;
      }
      if (fails) return commits.Failed(offset);
      commits.Committed(offset);
      ASSERT_EQ(commits.committed(), kafka);
    };
    const auto take = [&] {
      if (commits.due() && commits.Take(now)) sent.emplace_back(now, sends++);
    };
    for (int step = 0; step < 100; ++step) {
      const auto what = random() % 5;
      if (what == 0) {
        now = At(0, std::to_string(random() % 3));
        commits.Touch();
      } else if (what == 1) {
        now = At(0, std::to_string(random() % 3));
        announced = now;
        announced_at = sends;
        reached = kafka == now;
        commits.Announce();
        take();
      } else if (what == 2) {
        take();
      } else if (!sent.empty()) {
        answer(random() % 4 == 0);
      }
      ASSERT_TRUE(reached || !commits.confirmed()) << seed << ", step " << step;
    }
    while (commits.due() || !sent.empty()) {
      take();
      if (!sent.empty()) answer(false);
    }
    EXPECT_EQ(kafka, now) << seed;
    EXPECT_TRUE(commits.confirmed()) << seed;
  }
}

}  // namespace
}  // namespace eventbus::bus
