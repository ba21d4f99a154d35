// A commit's metadata: text that any tool may have put beside a group's offset, and what the event
// bus writes there itself. The first eight bytes of an input are the offset; the rest is taken as a
// text, as a text to which a right check is added, and as what a CommitMetadata is made of.
#include <fuzzer/FuzzedDataProvider.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/bus/commit_metadata.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/subject.h"

namespace eventbus::fuzz {
namespace {

using bus::CommitMetadata;
using bus::Failures;
using bus::Mark;
using bus::Span;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kOffsetBytes = sizeof(std::int64_t);
constexpr int kMostFailures = 1'000'000;
// A span of the longest numbers, and the name of its part.
constexpr std::size_t kLongestEntry = 1 + 13 + 13 + 3;

std::string Sealed(absl::string_view body, std::int64_t offset) {
  const std::string bytes = absl::StrCat(offset, body);
  uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
  std::string text = absl::StrCat(body, ";");
  for (int i = 0; i < 6; ++i, crc >>= 6) text += kDigits[crc & 63];
  return text;
}

std::string Describe(const CommitMetadata& metadata) {
  const Mark& mark = metadata.mark;
  std::string out = absl::StrCat("mark ", mark.open, " ", mark.few_until, " ", mark.one_until, " ",
                                 mark.out.begin, "-", mark.out.end, "; failed");
  for (const Failures& each : metadata.failures) {
    absl::StrAppend(&out, " ", each.offset, "x", each.count);
  }
  absl::StrAppend(&out, "; settled");
  for (const Span& span : metadata.settled) absl::StrAppend(&out, " ", span.begin, "-", span.end);
  absl::StrAppend(&out, "; gaps");
  for (const Span& gap : metadata.gaps) absl::StrAppend(&out, " ", gap.begin, "-", gap.end);
  return out;
}

std::string Describe(const absl::optional<CommitMetadata>& metadata) {
  return metadata.has_value() ? Describe(*metadata) : "refused";
}

std::string InputOf(absl::string_view text, std::int64_t offset) {
  return absl::StrCat(offset, " ", text);
}

// What is wrong with it, for those who use what was read.
const char* FaultOf(const CommitMetadata& metadata, std::int64_t offset) {
  std::int64_t next = offset;
  for (const Failures& each : metadata.failures) {
    if (each.offset < next || each.offset == kMax) return "failures out of order";
    if (each.count < 1 || each.count > kMostFailures) return "a count that none has";
    next = each.offset + 1;
  }
  const Mark& mark = metadata.mark;
  for (const std::int64_t until : {mark.few_until, mark.one_until}) {
    if (until != 0 && until <= offset) return "a mark that is not above the offset";
  }
  if (mark.out != Span() && (mark.out.begin < offset || mark.out.end <= mark.out.begin)) {
    return "nothing was out";
  }
  std::int64_t end = offset;
  for (const Span& span : metadata.settled) {
    if (span.begin <= end || span.end <= span.begin) return "spans out of order";
    end = span.end;
  }
  end = 0;
  for (const Span& gap : metadata.gaps) {
    if (gap.begin < end || gap.end <= gap.begin) return "gaps out of order";
    end = gap.end;
  }
  return nullptr;
}

void CheckCharacters(absl::string_view text, std::int64_t offset) {
  const auto printable = [](char c) { return c > ' ' && c <= '~'; };
  if (text.size() > bus::kMaxMetadataBytes || !std::all_of(text.begin(), text.end(), printable)) {
    Disagree("too long, or not printable", InputOf(text, offset), "", "");
  }
}

// `text` without the parts that this version does not know.
std::string Known(absl::string_view text, std::int64_t offset) {
  if (text.empty()) return "";
  std::vector<absl::string_view> parts = absl::StrSplit(text.substr(0, text.rfind(';')), ';');
  const auto unknown = [](absl::string_view part) {
    return part[0] != 'a' && part[0] != 'g' && part[0] != 'm' && part[0] != 's';
  };
  parts.erase(std::remove_if(parts.begin() + 1, parts.end(), unknown), parts.end());
  return parts.size() == 1 ? "" : Sealed(absl::StrJoin(parts, ";"), offset);
}

// What is accepted is in order, and there is one text for it.
void CheckText(absl::string_view text, std::int64_t offset) {
  const auto read = bus::ParseCommitMetadata(text, offset);
  if (!read.has_value()) return;
  const std::string input = InputOf(text, offset);
  if (const char* fault = FaultOf(*read, offset)) Disagree(fault, input, Describe(*read), "");
  CheckCharacters(text, offset);
  const std::string again = bus::FormatCommitMetadata(*read, offset);
  if (again != Known(text, offset)) {
    Disagree("written otherwise", input, again, Known(text, offset));
  }
  const auto twice = bus::ParseCommitMetadata(again, offset);
  if (twice != read) Disagree("read otherwise", input, Describe(twice), Describe(read));
}

// Takes a CommitMetadata from bytes: a valid one, or one of any numbers.
class Maker {
 public:
  Maker(absl::string_view bytes, std::int64_t offset)
      : bytes_(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
        offset_(offset),
        wild_(bytes_.ConsumeIntegral<std::uint8_t>() % 4 == 0) {}

  bool wild() const { return wild_; }

  CommitMetadata Make() {
    CommitMetadata metadata;
    metadata.mark = MakeMark();
    std::int64_t gap_end = 0;
    for (int gaps = bytes_.ConsumeIntegral<std::uint8_t>() % 9; gaps > 0 && More(gap_end); --gaps) {
      const std::int64_t begin = Past(gap_end, -1);
      gap_end = EndOf(begin);
      metadata.gaps.push_back({begin, gap_end});
    }
    const int failures = bytes_.ConsumeIntegral<std::uint16_t>() % 2000;
    std::int64_t at = offset_;
    for (int i = 0; i < failures && More(at); ++i) {
      at = Past(at, -1);
      const int count =
          wild_ ? bytes_.ConsumeIntegral<int>() : bytes_.ConsumeIntegralInRange(1, kMostFailures);
      metadata.failures.push_back({at, count});
      if (!wild_) ++at;
    }
    at = offset_;
    while (More(at)) {
      const std::int64_t begin = Past(at, 0);
      at = EndOf(begin);
      metadata.settled.push_back({begin, at});
    }
    return metadata;
  }

 private:
  bool More(std::int64_t at) { return bytes_.remaining_bytes() > 0 && (wild_ || at < kMax - 2); }

  // Mostly near `at`; in a valid one past it by more than `least`, and below kMax.
  std::int64_t Past(std::int64_t at, std::int64_t least) {
    if (wild_) {
      if (bytes_.ConsumeBool()) return bytes_.ConsumeIntegral<std::int64_t>();
      least = -1;
    }
    const int near = bytes_.ConsumeIntegral<std::uint8_t>();
    const std::int64_t most = kMax - 1 - std::max<std::int64_t>(at, 0);
    const std::int64_t by = near < 250 ? near / 8 : bytes_.ConsumeIntegral<std::int64_t>() & kMax;
    return at + std::min(std::max(by, least + 1), most);
  }

  std::int64_t EndOf(std::int64_t begin) {
    const std::int64_t last = Past(begin, -1);
    return last == kMax ? kMax : last + 1;
  }

  Mark MakeMark() {
    Mark mark;
    mark.open = bytes_.ConsumeBool();
    if (!More(offset_)) return mark;
    if (bytes_.ConsumeBool()) mark.few_until = Past(offset_, 0);
    if (bytes_.ConsumeBool()) mark.one_until = Past(offset_, 0);
    if (!bytes_.ConsumeBool()) return mark;
    mark.out.begin = Past(offset_, -1);
    mark.out.end = EndOf(mark.out.begin);
    return mark;
  }

  FuzzedDataProvider bytes_;
  const std::int64_t offset_;
  const bool wild_;
};

// The mark that says the same, without what says nothing.
Mark Normal(Mark mark, std::int64_t offset) {
  if (mark.few_until <= offset) mark.few_until = 0;
  if (mark.one_until <= offset) mark.one_until = 0;
  if (mark.out.begin < offset || mark.out.end <= mark.out.begin) mark.out = {};
  return mark;
}

template <typename Entry>
bool IsBegin(const std::vector<Entry>& begin, const std::vector<Entry>& all) {
  return begin.size() <= all.size() && std::equal(begin.begin(), begin.end(), all.begin());
}

// What is written is read as it was, but for what there is no room for, or what has no order.
void CheckMetadata(CommitMetadata metadata, std::int64_t offset, bool valid) {
  const std::string text = bus::FormatCommitMetadata(metadata, offset);
  CheckText(text, offset);
  CheckCharacters(text, offset);
  for (Failures& each : metadata.failures) each.count = std::min(each.count, kMostFailures);
  metadata.mark = Normal(metadata.mark, offset);
  const auto kept = bus::ParseCommitMetadata(text, offset);
  if (kept == metadata) return;
  const std::string input = InputOf(text, offset);
  if (!kept.has_value() || kept->mark != metadata.mark ||
      !IsBegin(kept->failures, metadata.failures) || !IsBegin(kept->settled, metadata.settled)) {
    Disagree("read otherwise", input, Describe(kept), Describe(metadata));
  }
  if (valid && text.size() + kLongestEntry <= bus::kMaxMetadataBytes) {
    Disagree("left out, where there is room", input, Describe(kept), Describe(metadata));
  }
}

std::string Input(std::int64_t offset, absl::string_view text) {
  std::string input(kOffsetBytes, '\0');
  std::memcpy(input.data(), &offset, kOffsetBytes);
  return absl::StrCat(input, text);
}

// With a check and without.
const std::vector<std::string>& Seeds() {
  static const std::vector<std::string>& seeds = *[] {
    const struct {
      std::int64_t offset;
      std::string body;
    } bodies[] = {
        {1000, "eb1;a=CB;m=BAA;s=AHd40B_j7Bo4J"},
        {100, "eb1;a=BA;m=BKACB;s=g"},
        {100, "eb1;a=ACAAmBnB;b=3,x:~;z=s=C"},
        {0, "eb1;s=H2___________H"},
        {kMax - 2, "eb1;a=AA;m=BAAAB;s=A"},  // As far as it goes, and one past it.
        {kMax - 2, "eb1;a=CA"},
        {kMax - 2, "eb1;m=BAAAC"},
        {kMax - 2, "eb1;s=B"},
        {50, absl::StrCat("eb1;s=", std::string(2035, 'A'))},
        {50, absl::StrCat("eb1;a=", std::string(1010, 'A'), ";m=BAA;s=", std::string(1010, 'J'))},
    };
    auto* all = new std::vector<std::string>;
    for (const auto& [offset, body] : bodies) {
      all->push_back(Input(offset, body));
      all->push_back(Input(offset, Sealed(body, offset)));
    }
    return all;
  }();
  return seeds;
}

// Puts in, or takes out, a piece of the text that the grammar knows.
std::string Mutate(std::string input, std::mt19937& random) {
  static const char* const kPieces[] = {"eb1", ";a=", ";m=", ";s=", ";b=", ";t=", "AA", "gA", "__"};
  const std::size_t at = kOffsetBytes + random() % (input.size() - kOffsetBytes + 1);
  const std::string digit(1, kDigits[random() % 64]);
  switch (random() % 5) {
    case 0:
      return input.replace(at, 1, digit);
    case 1:
      return input.insert(at, digit);
    case 2:
      return input.insert(at, std::string(1 + random() % 1100, digit[0]));
    case 3:
      return input.insert(at, kPieces[random() % std::size(kPieces)]);
    default:
      return input.erase(at, 1 + random() % 8);
  }
}

}  // namespace
}  // namespace eventbus::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  using namespace eventbus::fuzz;
  static const Mutation& mutation =
      *new Mutation{Seeds(), kOffsetBytes, 2, [](const std::string& input, unsigned draw) {
                      std::mt19937 random(draw);
                      return Mutate(input, random);
                    }};
  return Apply(mutation, data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eventbus::fuzz;
  if (size < kOffsetBytes) return 0;
  std::int64_t offset = 0;
  std::memcpy(&offset, data, kOffsetBytes);
  const absl::string_view text(reinterpret_cast<const char*>(data) + kOffsetBytes,
                               size - kOffsetBytes);
  CheckText(text, offset);
  CheckText(Sealed(text, offset), offset);
  offset &= kMax;
  CheckText(Sealed(text, offset), offset);
  Maker maker(text, offset);
  const CommitMetadata metadata = maker.Make();
  CheckMetadata(metadata, offset, !maker.wild());
  return 0;
}
