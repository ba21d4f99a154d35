#include "server/bus/commit_metadata.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"

namespace eventbus::bus {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

CommitMetadata Settled(std::vector<Span> spans) { return {{}, {}, std::move(spans)}; }

// `body` with a right check, bit by bit.
std::string Sealed(absl::string_view body, std::int64_t offset) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : absl::StrCat(offset, body)) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
  }
  crc = ~crc;
  std::string text = absl::StrCat(body, ";");
  for (int i = 0; i < 6; ++i, crc >>= 6) text += kDigits[crc & 63];
  return text;
}

absl::optional<CommitMetadata> ParseSealed(absl::string_view body, std::int64_t offset = 100) {
  return ParseCommitMetadata(Sealed(body, offset), offset);
}

void ExpectRefused(std::initializer_list<absl::string_view> bodies) {
  for (const absl::string_view body : bodies) {
    EXPECT_FALSE(ParseSealed(body).has_value()) << body;
  }
}

// A gap or a length: mostly small, at times of any size up to `max`.
std::int64_t RandomCount(std::mt19937_64& random, std::int64_t max) {
  const int bits = random() % 4 == 0 ? static_cast<int>(random() % 63) : 4;
  const auto count = static_cast<std::int64_t>(random() >> (64 - 1 - bits));
  return std::min(std::max<std::int64_t>(count, 1), max);
}

Mark RandomMark(std::mt19937_64& random, std::int64_t offset) {
  Mark mark;
  mark.open = random() % 2 == 0;
  if (kMax - offset < 3) return mark;
  if (random() % 2 == 0) mark.few_until = offset + RandomCount(random, kMax - offset);
  if (random() % 2 == 0) mark.one_until = offset + RandomCount(random, kMax - offset);
  if (random() % 2 == 0) {
    mark.out.begin = offset + RandomCount(random, kMax - offset - 1) - 1;
    mark.out.end = mark.out.begin + RandomCount(random, kMax - mark.out.begin);
  }
  return mark;
}

CommitMetadata RandomMetadata(std::mt19937_64& random, std::int64_t offset) {
  CommitMetadata metadata;
  std::int64_t at = offset;
  for (std::size_t left = random() % 10; left > 0 && kMax - at >= 2; --left) {
    at += RandomCount(random, kMax - at) - 1;
    metadata.failures.push_back({at, static_cast<int>(1 + random() % 1000)});
    ++at;
  }
  at = offset;
  metadata.mark = RandomMark(random, offset);
  for (std::size_t left = random() % 60; left > 0 && kMax - at >= 2; --left) {
    const std::int64_t begin = at + RandomCount(random, kMax - at - 1);
    at = begin + RandomCount(random, kMax - begin);
    metadata.settled.push_back({begin, at});
  }
  at = 0;
  for (std::size_t left = random() % 4; left > 0 && kMax - at >= 2; --left) {
    const std::int64_t begin = at + RandomCount(random, kMax - at) - 1;
    at = begin + RandomCount(random, kMax - begin);
    metadata.gaps.push_back({begin, at});
  }
  return metadata;
}

std::int64_t RandomOffset(std::mt19937_64& random) {
  return random() % 4 == 0 ? kMax - static_cast<std::int64_t>(random() % 1000)
                           : static_cast<std::int64_t>(random() >> (1 + random() % 63));
}

// Every second offset past `offset`.
CommitMetadata Alternating(std::int64_t offset, int spans) {
  CommitMetadata metadata;
  for (int i = 0; i < spans; ++i) {
    const std::int64_t begin = offset + 1 + std::int64_t{2} * i;
    metadata.settled.push_back({begin, begin + 1});
  }
  return metadata;
}

TEST(CommitMetadataTest, IsReadBackAsItWasWritten) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const std::int64_t offset = RandomOffset(random);
    const CommitMetadata metadata = RandomMetadata(random, offset);
    const std::string text = FormatCommitMetadata(metadata, offset);
    ASSERT_EQ(ParseCommitMetadata(text, offset), metadata) << offset << " " << text;
  }
}

TEST(CommitMetadataTest, NothingToRememberIsTheEmptyText) {
  EXPECT_EQ(FormatCommitMetadata({}, 7), "");
  EXPECT_EQ(ParseCommitMetadata("", 7), CommitMetadata());
}

// From the grammar at the head of commit_metadata.cc, not from the code: other versions of the
// server read these.
TEST(CommitMetadataTest, TheTextIsTheOneOfTheGrammar) {
  const struct {
    std::int64_t offset;
    std::vector<Span> spans;
    std::string text;
  } golden[] = {
      {100, {{101, 102}}, "eb1;s=A;r7tGVD"},
      {0, {{1, 2}, {3, 4}, {6, 7}, {9, 16}, {23, 24}}, "eb1;s=AAIOw;YSBFfC"},
      {4711, {{4712, 4719}, {4726, 4727}}, "eb1;s=Gw;8JURqB"},
      {4711, {{4719, 4727}}, "eb1;s=_AA;jVYKRA"},
      {1000,
       {{1001, 1002}, {1003, 1040}, {1100, 1101}, {3000, 13000}},
       "eb1;s=AHd40B_j7Bo4J;VO7FmD"},
      {0, {{1, kMax}}, "eb1;s=H2___________H;A0BZqC"},
      {0, {{kMax - 1, kMax}}, "eb1;s=42___________H;o9j_qB"},
      {kMax - 2, {{kMax - 1, kMax}}, "eb1;s=A;BCgCMD"},
  };
  for (const auto& [offset, spans, text] : golden) {
    EXPECT_EQ(FormatCommitMetadata(Settled(spans), offset), text);
    EXPECT_EQ(ParseCommitMetadata(text, offset), Settled(spans)) << text;
  }
}

TEST(CommitMetadataTest, IsPrintableAndWithinTheLimit) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t offset = RandomOffset(random);
    const std::string text = FormatCommitMetadata(RandomMetadata(random, offset), offset);
    ASSERT_LE(text.size(), kMaxMetadataBytes);
    for (const char c : text) ASSERT_TRUE(c > ' ' && c <= '~') << text;
  }
}

TEST(CommitMetadataTest, TwoThousandSingleEventsFit) {
  const CommitMetadata metadata = Alternating(1'000'000, 2000);
  EXPECT_EQ(ParseCommitMetadata(FormatCommitMetadata(metadata, 1'000'000), 1'000'000), metadata);
}

TEST(CommitMetadataTest, TheFarthestSpansAreLeftOutWhereItIsTooLong) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 200; ++i) {
    CommitMetadata metadata = Alternating(50, 2035);
    for (Span& span : metadata.settled) {  // Some of more than one character.
      span.begin += 30 * (&span - metadata.settled.data());
      span.end = span.begin + RandomCount(random, 30);
    }
    const std::string text = FormatCommitMetadata(metadata, 50);
    EXPECT_LE(text.size(), kMaxMetadataBytes);
    EXPECT_GT(text.size(), kMaxMetadataBytes - 4);  // The next span would not have fitted.
    const auto kept = ParseCommitMetadata(text, 50);
    ASSERT_TRUE(kept.has_value());
    ASSERT_LT(kept->settled.size(), metadata.settled.size());
    metadata.settled.resize(kept->settled.size());
    EXPECT_EQ(*kept, metadata);
  }
}

TEST(CommitMetadataTest, WhereASpanIsLeftOutSoIsAShorterOneThatFollows) {
  CommitMetadata metadata = Alternating(50, 2033);
  const std::string full = FormatCommitMetadata(metadata, 50);
  ASSERT_EQ(full.size(), kMaxMetadataBytes - 2);
  const std::int64_t at = metadata.settled.back().end;
  metadata.settled.push_back({at + 10, at + 20});  // Three characters.
  metadata.settled.push_back({at + 21, at + 22});  // Two.
  EXPECT_EQ(FormatCommitMetadata(metadata, 50), full);
}

TEST(CommitMetadataTest, TheLimitIsUsedToItsLastCharacter) {
  EXPECT_EQ(FormatCommitMetadata(Alternating(50, 2035), 50).size(), kMaxMetadataBytes);
  EXPECT_EQ(FormatCommitMetadata(Alternating(50, 2036), 50),
            FormatCommitMetadata(Alternating(50, 2035), 50));
}

TEST(CommitMetadataTest, ASpanOutOfOrderIsNotWrittenNorWhatFollows) {
  const std::string first = FormatCommitMetadata(Settled({{101, 103}}), 100);
  for (const Span& wrong :
       {Span{103, 104}, Span{102, 105}, Span{99, 100}, Span{106, 106}, Span{107, 106}}) {
    EXPECT_EQ(FormatCommitMetadata(Settled({{101, 103}, wrong, {110, 111}}), 100), first);
  }
  EXPECT_EQ(FormatCommitMetadata(Settled({{100, 101}}), 100), "");
  EXPECT_EQ(FormatCommitMetadata(Settled({{-4, -2}, {5, 6}}), -5), "");
}

TEST(CommitMetadataTest, FailuresOutOfOrderAreNotWrittenNorWhatFollows) {
  CommitMetadata metadata = Alternating(100, 3);
  metadata.failures = {{101, 2}};
  const std::string first = FormatCommitMetadata(metadata, 100);
  ASSERT_EQ(ParseCommitMetadata(first, 100), metadata);
  for (const Failures& wrong : {Failures{101, 1}, Failures{99, 1}, Failures{102, 0},
                                Failures{103, -1}, Failures{kMax, 1}}) {
    metadata.failures = {{101, 2}, wrong, {200, 1}};
    EXPECT_EQ(FormatCommitMetadata(metadata, 100), first) << wrong.offset;
  }
}

TEST(CommitMetadataTest, AnyCutIsRefused) {
  for (const CommitMetadata& metadata :
       {Settled({{101, 102}}), Settled({{101, 102}, {107, 300}, {5000, kMax}}),
        Alternating(100, 2035)}) {
    const std::string text = FormatCommitMetadata(metadata, 100);
    for (std::size_t i = 1; i < text.size(); ++i) {
      ASSERT_FALSE(ParseCommitMetadata(text.substr(0, i), 100).has_value()) << text.substr(0, i);
      ASSERT_FALSE(ParseCommitMetadata(text.substr(i), 100).has_value()) << text.substr(i);
    }
  }
}

TEST(CommitMetadataTest, AnyChangedAddedOrMissingCharacterIsRefused) {
  const std::string text =
      FormatCommitMetadata(Settled({{101, 102}, {107, 300}, {5000, 5001}, {6000, kMax}}), 100);
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = text;
      if (i < text.size()) changed[i] = static_cast<char>(c);
      if (changed != text) {
        ASSERT_FALSE(ParseCommitMetadata(changed, 100).has_value()) << changed;
      }
      const std::string added = std::string(text).insert(i, 1, static_cast<char>(c));
      ASSERT_FALSE(ParseCommitMetadata(added, 100).has_value()) << added;
    }
    if (i == text.size()) continue;
    const std::string missing = std::string(text).erase(i, 1);
    ASSERT_FALSE(ParseCommitMetadata(missing, 100).has_value()) << missing;
  }
}

TEST(CommitMetadataTest, OfAnotherOffsetIsRefused) {
  const std::string text = FormatCommitMetadata(Settled({{101, 102}, {2000, 2001}}), 100);
  for (std::int64_t offset = -10; offset < 5000; ++offset) {
    EXPECT_EQ(ParseCommitMetadata(text, offset).has_value(), offset == 100) << offset;
  }
  EXPECT_FALSE(ParseCommitMetadata(text, kMax).has_value());
  EXPECT_FALSE(ParseCommitMetadata(Sealed("eb1;s=A", -1), -1).has_value());
}

TEST(CommitMetadataTest, ForeignTextsAreNotOurs) {
  for (const absl::string_view text :
       {" ", "eb", "eb1", "eb1;", "eb1;s=A", "eb1;s=A;", "eb1;s=A;AAAAAA", ";", ";;;;;;;;",
        "host-17.example.com", "{\"committed_by\":\"worker-3\"}", "2024-03-01T12:00:00Z", "s=A",
        "AQAAAAAAAAAAAAAAAA==", "NONE", "null", "\xd0\xbf\xd1\x80\xd0\xb8"}) {
    EXPECT_FALSE(ParseCommitMetadata(text, 100).has_value()) << text;
  }
  EXPECT_FALSE(ParseCommitMetadata(absl::string_view("\0", 1), 100).has_value());
}

TEST(CommitMetadataTest, AnotherVersionIsNotRead) {
  ASSERT_EQ(ParseSealed("eb1;s=A"), Settled({{101, 102}}));
  ExpectRefused({"eb2;s=A", "eb0;s=A", "eb10;s=A", "eb;s=A", "EB1;s=A"});
}

TEST(CommitMetadataTest, PartsThatAreNotKnownArePassedOver) {
  for (const absl::string_view body :
       {"eb1;b=3,x:~;s=A", "eb1;o=1;s=A", "eb1;s=A;t==", "eb1;b=s=B;s=A;z=s=C"}) {
    EXPECT_EQ(ParseSealed(body), Settled({{101, 102}})) << body;
  }
  EXPECT_EQ(ParseSealed("eb1;o=1"), CommitMetadata());
}

TEST(CommitMetadataTest, PartsOutOfTheGrammarAreRefused) {
  ExpectRefused({"eb1", "eb1;", "eb1;;s=A", "eb1;s=A;", "eb1s=A", "eb1,s=A"});  // No part.
  ExpectRefused({"eb1;s", "eb1;s=", "eb1;s=;t=1", "eb1;sA", "eb1;sxA"});        // No value.
  ExpectRefused({"eb1;=A", "eb1;ss=A", "eb1;S=A", "eb1;1=A", "eb1;{=A"});       // No name.
  ExpectRefused({"eb1;s=A;s=A", "eb1;s=A;s=B", "eb1;s=A;b=1", "eb1;t=1;s=A"});  // No order.
  ExpectRefused({"eb1;s=A ", "eb1;b=b c;s=A", "eb1;b=\t;s=A", "eb1;b=\x7f;s=A", "eb1;b=\xc3\xa4"});
}

TEST(CommitMetadataTest, SpansOutOfTheGrammarAreRefused) {
  ExpectRefused({"eb1;s=A=", "eb1;s=A+", "eb1;s=A,A"});           // No digits.
  ExpectRefused({"eb1;s=H", "eb1;s=4", "eb1;s=_", "eb1;s=_A"});   // No number,
  ExpectRefused({"eb1;s=Hg", "eb1;s=H_", "eb1;s=_A_"});           // no end of it,
  ExpectRefused({"eb1;s=HgA", "eb1;s=HhA", "eb1;s=_AgA"});        // longer than needed,
  ExpectRefused({"eb1;s=HggggggggggggI", "eb1;s=H____________I",  // above any offset.
                 "eb1;s=H_____________", "eb1;s=HgggggggggggggB", "eb1;s=HggggggggggggggggA"});
}

TEST(CommitMetadataTest, SpansPastTheGreatestOffsetAreRefused) {
  EXPECT_EQ(ParseSealed("eb1;s=A", kMax - 2), Settled({{kMax - 1, kMax}}));
  EXPECT_FALSE(ParseSealed("eb1;s=A", kMax - 1).has_value());
  EXPECT_FALSE(ParseSealed("eb1;s=A", kMax).has_value());
  EXPECT_FALSE(ParseSealed("eb1;s=AA", kMax - 3).has_value());
  EXPECT_FALSE(ParseSealed("eb1;s=B", kMax - 2).has_value());
  EXPECT_FALSE(ParseSealed("eb1;s=I", kMax - 2).has_value());
  EXPECT_TRUE(ParseSealed("eb1;s=H2___________H", 0).has_value());   // To kMax.
  EXPECT_FALSE(ParseSealed("eb1;s=H2___________H", 1).has_value());  // One past it.
  EXPECT_FALSE(ParseSealed("eb1;s=_____________H____________H", 0).has_value());
}

TEST(CommitMetadataTest, ATextOverTheLimitIsNotRead) {
  EXPECT_TRUE(ParseSealed("eb1;s=" + std::string(2035, 'A')).has_value());
  EXPECT_FALSE(ParseSealed("eb1;s=" + std::string(2036, 'A')).has_value());
}

TEST(CommitMetadataTest, FailuresAndTheMarkAreWrittenByTheGrammar) {
  const auto text = [](const CommitMetadata& metadata) {
    const std::string sealed = FormatCommitMetadata(metadata, 100);
    return sealed.substr(0, sealed.rfind(';'));
  };
  EXPECT_EQ(text({{{100, 1}}, {}, {}}), "eb1;a=AA");
  EXPECT_EQ(text({{{100, 3}, {101, 1}, {140, 40}}, {}, {}}), "eb1;a=ACAAmBnB");
  EXPECT_EQ(text({{}, {true, 0, 0, {}}, {}}), "eb1;m=BAA");
  EXPECT_EQ(text({{}, {false, 131, 101, {}}, {}}), "eb1;m=AfB");
  EXPECT_EQ(text({{}, {true, 0, 0, {100, 101}}, {}}), "eb1;m=BAAAA");
  // Of docs/wire-format.md.
  EXPECT_EQ(FormatCommitMetadata({{{1002, 2}},
                                  {true, 0, 0, {}},
                                  {{1001, 1002}, {1003, 1040}, {1100, 1101}, {3000, 13000}}},
                                 1000),
            "eb1;a=CB;m=BAA;s=AHd40B_j7Bo4J;zrfzrC");
  EXPECT_EQ(text({{{101, 1}}, {true, 110, 0, {102, 104}}, {{105, 106}}}), "eb1;a=BA;m=BKACB;s=g");
}

TEST(CommitMetadataTest, AMarkBelowTheOffsetSaysNothing) {
  EXPECT_EQ(FormatCommitMetadata({{}, {false, 100, 7, {99, 100}}, {}}, 100), "");
}

TEST(CommitMetadataTest, FailuresAndMarksOutOfTheGrammarAreRefused) {
  ExpectRefused({"eb1;a=A", "eb1;a=AAA", "eb1;a=A=", "eb1;a=gA"});
  ExpectRefused({"eb1;m=A", "eb1;m=BA", "eb1;m=AAA", "eb1;m=CAA", "eb1;m=BAAA", "eb1;m=BAAAAA"});
  EXPECT_FALSE(ParseSealed("eb1;a=BA", kMax - 1).has_value());
  EXPECT_FALSE(ParseSealed("eb1;m=BBA", kMax).has_value());
  EXPECT_FALSE(ParseSealed("eb1;m=BAABA", kMax - 1).has_value());
}

TEST(CommitMetadataTest, GapsAreWrittenByTheGrammar) {
  const auto text = [](std::vector<Span> gaps) {
    const std::string sealed = FormatCommitMetadata({{}, {}, {}, std::move(gaps)}, 100);
    return sealed.substr(0, sealed.rfind(';'));
  };
  EXPECT_EQ(text({{0, 1}}), "eb1;g=AA");
  EXPECT_EQ(text({{40, 100}}), "eb1;g=oB7B");
  EXPECT_EQ(text({{7, 9}, {9, 10}, {110, 112}}), "eb1;g=HBAAkDB") << "on both sides of the offset";
  EXPECT_EQ(text({{7, 9}, {8, 10}}), "eb1;g=HB") << "what is out of order ends it";
  EXPECT_EQ(text({{7, 7}, {8, 10}}), "");
  const CommitMetadata all{{{101, 1}}, {true, 0, 0, {}}, {{105, 106}}, {{90, 95}}};
  EXPECT_EQ(FormatCommitMetadata(all, 100).substr(0, 25), "eb1;a=BA;g=6CE;m=BAA;s=g;");
}

TEST(CommitMetadataTest, GapsOutOfTheGrammarAreRefused) {
  ExpectRefused({"eb1;g=A", "eb1;g=AAA", "eb1;g=gA", "eb1;g=A="});
  EXPECT_TRUE(ParseSealed("eb1;g=A2___________H").has_value());    // To kMax.
  EXPECT_FALSE(ParseSealed("eb1;g=A_____________H").has_value());  // One past it.
  EXPECT_FALSE(ParseSealed("eb1;g=B_____________H").has_value());
}

TEST(CommitMetadataTest, WhereThereIsNoRoomGapsStayBeforeCounts) {
  CommitMetadata metadata = Alternating(kMax - 10'000, 3000);
  metadata.mark = {true, kMax - 1, kMax - 2, {kMax - 300, kMax - 200}};
  for (int i = 0; i < 2000; ++i) metadata.failures.push_back({kMax - 10'000 + 2 * i, 1});
  for (int i = 0; i < 70; ++i)
    metadata.gaps.push_back({kMax - 20'000 + 2 * i, kMax - 19'999 + 2 * i});
  const std::string text = FormatCommitMetadata(metadata, kMax - 10'000);
  EXPECT_LE(text.size(), kMaxMetadataBytes);
  const auto kept = ParseCommitMetadata(text, kMax - 10'000);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->gaps, metadata.gaps);
  EXPECT_EQ(kept->mark, metadata.mark);
  EXPECT_LT(kept->failures.size(), metadata.failures.size());
}

// Spans go first, then counts, the mark never.
TEST(CommitMetadataTest, WhereThereIsNoRoomTheMarkAndTheNearestCountsStay) {
  CommitMetadata metadata = Alternating(100, 3000);
  metadata.mark = {true, 5000, 200, {100, 132}};
  for (int i = 0; i < 2000; ++i) metadata.failures.push_back({100 + 2 * i, 1});
  const std::string text = FormatCommitMetadata(metadata, 100);
  EXPECT_LE(text.size(), kMaxMetadataBytes);
  EXPECT_GE(text.size(), kMaxMetadataBytes - 4);
  const auto kept = ParseCommitMetadata(text, 100);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->mark, metadata.mark);
  EXPECT_TRUE(kept->settled.empty());
  ASSERT_GT(kept->failures.size(), 900u);
  metadata.failures.resize(kept->failures.size());
  EXPECT_EQ(kept->failures, metadata.failures);
}

// What random bytes with a right check mean is either nothing, or what is written as they are.
TEST(CommitMetadataTest, ThereIsOneTextForEachMeaning) {
  std::mt19937_64 random(4);
  int read = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string spans;
    for (std::size_t left = 1 + random() % 20; left > 0; --left) spans += kDigits[random() % 64];
    const std::int64_t offset = RandomOffset(random);
    constexpr const char* kNames[] = {"eb1;a=", "eb1;m=", "eb1;s=", "eb1;g="};
    const char* const name = kNames[i % 4];
    const std::string text = Sealed(name + spans, offset);
    const auto metadata = ParseCommitMetadata(text, offset);
    if (!metadata.has_value()) continue;
    ++read;
    ASSERT_EQ(FormatCommitMetadata(*metadata, offset), text);
  }
  EXPECT_GT(read, 30000);
}

}  // namespace
}  // namespace eventbus::bus
