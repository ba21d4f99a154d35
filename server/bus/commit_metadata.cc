// text   := "" | "eb1" part+ ";" check
// part   := ";" name "=" value      names in ascending order; one that is not known is passed over
// name   := "a".."z"
// value  := printable ASCII, but no space and no ";"
// check  := 6 digits, 6 bits each, least significant first: CRC-32 (zlib's) of the offset in
// decimal
//           and of all that stands before the check's ";"
//
// part a := (number number)+        how often events have failed: from the offset, or from the one
//                                   after the last such event, to the event; failures - 1
// part g := (number number)+        what nobody is known to have been told is gone: from 0, or from
//                                   the end of the gap before, to the first record; records - 1
// part m := number number number (number number)?
//                                   1 while a member reads the partition, else 0; from the offset
//                                   to where events are delivered few at a time, and one at a time,
//                                   0: nowhere; then the events that alone were with a client: from
//                                   the offset to the first, and from there to the last
// part s := span+                   nearest first
// span   := head number? number?    gap: from the span before, or from the offset, to `begin`;
//                                   length: from `begin` to `end`; both at least 1
// head   := one digit, 8 * min(gap - 1, 7) + min(length - 1, 7)
//                                   the numbers are gap - 8, then length - 8, of each that is at
//                                   least 8
// number := digit+                  5 bits a digit, least significant first, plus 32 where another
//                                   follows; the last is 0 only where it is alone
// digit  := 0 to 63 in base64url's alphabet
//
// So there is one text for each meaning, and a span in the midst of others is mostly one character.
// The check covers the offset since tools that copy a commit may move it: the spans would move
// along. A part that changes what others mean needs a new version.
#include "server/bus/commit_metadata.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace eventbus::bus {
namespace {

constexpr char kVersion[] = "eb1";
constexpr char kFailures[] = ";a=";
constexpr char kGaps[] = ";g=";
constexpr char kMark[] = ";m=";
constexpr char kSettled[] = ";s=";
constexpr std::size_t kNameBytes = sizeof(kSettled) - 1;
constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kCheckDigits = 6;
constexpr std::size_t kSealBytes = 1 + kCheckDigits;
constexpr std::uint64_t kInHead = 7;  // The greatest count that needs no number.
constexpr std::uint64_t kMostFailures = 1'000'000;
constexpr std::int64_t kMaxOffset = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kMaxNumber = kMaxOffset;

std::string Check(absl::string_view body, std::int64_t offset) {
  const std::string bytes = absl::StrCat(offset, body);
  uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
  std::string out;
  for (std::size_t i = 0; i < kCheckDigits; ++i, crc >>= 6) out += kDigits[crc & 63];
  return out;
}

void PutNumber(std::uint64_t value, std::string& out) {
  for (; value >= 32; value >>= 5) out += kDigits[32 | (value & 31)];
  out += kDigits[value];
}

std::string SpanText(std::uint64_t gap, std::uint64_t length) {
  std::string out(1, kDigits[8 * std::min(gap - 1, kInHead) + std::min(length - 1, kInHead)]);
  for (const std::uint64_t count : {gap, length}) {
    if (count > kInHead) PutNumber(count - kInHead - 1, out);
  }
  return out;
}

bool TakeDigit(absl::string_view& in, std::uint64_t* digit) {
  const std::size_t at =
      in.empty() ? absl::string_view::npos : absl::string_view(kDigits).find(in[0]);
  if (at == absl::string_view::npos) return false;
  in.remove_prefix(1);
  *digit = at;
  return true;
}

bool TakeNumber(absl::string_view& in, std::uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 63; shift += 5) {
    std::uint64_t digit = 0;
    if (!TakeDigit(in, &digit) || (digit & 31) > kMaxNumber >> shift) return false;
    *value |= (digit & 31) << shift;
    if (digit < 32) return digit != 0 || shift == 0;
  }
  return false;
}

// A gap or a length, of which the head says `head`.
bool TakeCount(std::uint64_t head, absl::string_view& in, std::uint64_t* count) {
  if (head == kInHead && !TakeNumber(in, count)) return false;
  *count = head == kInHead ? *count + kInHead + 1 : head + 1;
  return true;
}

bool TakeSpans(absl::string_view in, std::int64_t offset, std::vector<Span>& spans) {
  auto at = static_cast<std::uint64_t>(offset);
  while (!in.empty()) {
    std::uint64_t head = 0;
    std::uint64_t gap = 0;
    std::uint64_t length = 0;
    if (!TakeDigit(in, &head) || !TakeCount(head >> 3, in, &gap) ||
        !TakeCount(head & 7, in, &length)) {
      return false;
    }
    if (gap > kMaxNumber - at || length > kMaxNumber - at - gap) return false;
    const std::uint64_t end = at + gap + length;
    spans.push_back({static_cast<std::int64_t>(at + gap), static_cast<std::int64_t>(end)});
    at = end;
  }
  return true;
}

bool TakeFailures(absl::string_view in, std::int64_t offset, std::vector<Failures>& failures) {
  auto at = static_cast<std::uint64_t>(offset);
  while (!in.empty()) {
    std::uint64_t gap = 0;
    std::uint64_t more = 0;
    if (!TakeNumber(in, &gap) || !TakeNumber(in, &more)) return false;
    if (gap >= kMaxNumber - at || more >= kMostFailures) return false;
    at += gap;
    failures.push_back({static_cast<std::int64_t>(at), static_cast<int>(more) + 1});
    ++at;
  }
  return true;
}

bool TakeGaps(absl::string_view in, std::vector<Span>& gaps) {
  std::uint64_t at = 0;
  while (!in.empty()) {
    std::uint64_t distance = 0;
    std::uint64_t more = 0;
    if (!TakeNumber(in, &distance) || !TakeNumber(in, &more)) return false;
    if (distance >= kMaxNumber - at || more >= kMaxNumber - at - distance) return false;
    const std::uint64_t end = at + distance + more + 1;
    gaps.push_back({static_cast<std::int64_t>(at + distance), static_cast<std::int64_t>(end)});
    at = end;
  }
  return true;
}

// An offset that is `distance` past `offset`; 0: none.
bool ToOffset(std::uint64_t distance, std::int64_t offset, std::int64_t* to) {
  if (distance > kMaxNumber - static_cast<std::uint64_t>(offset)) return false;
  *to = distance == 0 ? 0 : offset + static_cast<std::int64_t>(distance);
  return true;
}

bool TakeMark(absl::string_view in, std::int64_t offset, Mark& mark) {
  std::uint64_t open = 0;
  std::uint64_t few = 0;
  std::uint64_t one = 0;
  if (!TakeNumber(in, &open) || !TakeNumber(in, &few) || !TakeNumber(in, &one)) return false;
  mark.open = open == 1;
  if (open > 1 || !ToOffset(few, offset, &mark.few_until)) return false;
  if (!ToOffset(one, offset, &mark.one_until)) return false;
  if (in.empty()) return open + few + one > 0;
  std::uint64_t begin = 0;
  std::uint64_t last = 0;
  if (!TakeNumber(in, &begin) || !TakeNumber(in, &last) || !in.empty()) return false;
  const auto at = static_cast<std::uint64_t>(offset);
  if (begin > kMaxNumber - at || last >= kMaxNumber - at - begin) return false;
  mark.out.begin = static_cast<std::int64_t>(at + begin);
  mark.out.end = static_cast<std::int64_t>(at + begin + last) + 1;
  return true;
}

bool IsName(char c) { return c >= 'a' && c <= 'z'; }
bool IsValue(char c) { return c > ' ' && c <= '~'; }

bool TakePart(absl::string_view& in, char* name, absl::string_view* value) {
  if (in.size() < 3 || in[0] != ';' || !IsName(in[1]) || in[2] != '=') return false;
  *name = in[1];
  in.remove_prefix(3);
  *value = in.substr(0, in.find(';'));
  in.remove_prefix(value->size());
  return !value->empty() && std::all_of(value->begin(), value->end(), IsValue);
}

std::uint64_t Distance(std::int64_t from, std::int64_t to) {
  return to > from ? static_cast<std::uint64_t>(to - from) : 0;
}

std::string MarkText(const Mark& mark, std::int64_t offset) {
  std::string text;
  const std::uint64_t few = Distance(offset, mark.few_until);
  const std::uint64_t one = Distance(offset, mark.one_until);
  const bool out = mark.out.begin >= offset && mark.out.end > mark.out.begin;
  if (!mark.open && few == 0 && one == 0 && !out) return text;
  PutNumber(mark.open ? 1 : 0, text);
  PutNumber(few, text);
  PutNumber(one, text);
  if (!out) return text;
  PutNumber(Distance(offset, mark.out.begin), text);
  PutNumber(Distance(mark.out.begin, mark.out.end) - 1, text);
  return text;
}

std::string GapsText(const std::vector<Span>& gaps, std::size_t room) {
  std::string text;
  std::int64_t at = 0;
  for (const Span& gap : gaps) {
    if (gap.begin < at || gap.end <= gap.begin) break;
    std::string entry;
    PutNumber(Distance(at, gap.begin), entry);
    PutNumber(Distance(gap.begin, gap.end) - 1, entry);
    if (text.size() + entry.size() > room) break;
    text += entry;
    at = gap.end;
  }
  return text;
}

// Both below: as many as there is room for, nearest first. What is out of order ends the text:
// better delivered again than never.
std::string FailuresText(const std::vector<Failures>& failures, std::int64_t offset,
                         std::size_t room) {
  std::string text;
  std::int64_t at = offset;
  for (const Failures& each : failures) {
    if (each.offset < at || each.offset == kMaxOffset || each.count < 1) break;
    std::string entry;
    PutNumber(Distance(at, each.offset), entry);
    PutNumber(std::min<std::uint64_t>(static_cast<std::uint64_t>(each.count), kMostFailures) - 1,
              entry);
    if (text.size() + entry.size() > room) break;
    text += entry;
    at = each.offset + 1;
  }
  return text;
}

std::string SpansText(const std::vector<Span>& spans, std::int64_t offset, std::size_t room) {
  std::string text;
  std::int64_t at = offset;
  for (const Span& span : spans) {
    if (span.begin <= at || span.end <= span.begin) break;
    const std::string entry = SpanText(Distance(at, span.begin), Distance(span.begin, span.end));
    if (text.size() + entry.size() > room) break;
    text += entry;
    at = span.end;
  }
  return text;
}

void AppendPart(absl::string_view name, const std::string& text, std::string& body) {
  if (!text.empty()) absl::StrAppend(&body, name, text);
}

}  // namespace

std::string FormatCommitMetadata(const CommitMetadata& metadata, std::int64_t offset) {
  if (offset < 0) return "";
  constexpr std::size_t kRoom = kMaxMetadataBytes - (sizeof(kVersion) - 1) - kSealBytes;
  std::string mark;
  AppendPart(kMark, MarkText(metadata.mark, offset), mark);
  std::string gaps;
  AppendPart(kGaps, GapsText(metadata.gaps, kRoom - mark.size() - kNameBytes), gaps);
  std::string body = kVersion;
  std::size_t room = kRoom - mark.size() - gaps.size();
  room -= std::min(room, kNameBytes);
  AppendPart(kFailures, FailuresText(metadata.failures, offset, room), body);
  body += gaps;
  body += mark;
  room = kRoom + sizeof(kVersion) - 1 - body.size();
  room -= std::min(room, kNameBytes);
  AppendPart(kSettled, SpansText(metadata.settled, offset, room), body);
  if (body == kVersion) return "";
  return absl::StrCat(body, ";", Check(body, offset));
}

absl::optional<CommitMetadata> ParseCommitMetadata(absl::string_view text, std::int64_t offset) {
  if (text.empty()) return CommitMetadata();
  if (offset < 0 || text.size() > kMaxMetadataBytes) return absl::nullopt;
  const absl::string_view body = text.substr(0, text.rfind(';'));
  if (!absl::StartsWith(body, kVersion) ||
      text.substr(body.size()) != absl::StrCat(";", Check(body, offset))) {
    return absl::nullopt;
  }
  absl::string_view parts = body.substr(sizeof(kVersion) - 1);
  if (parts.empty()) return absl::nullopt;
  CommitMetadata metadata;
  for (char last = 0; !parts.empty();) {
    char name = 0;
    absl::string_view value;
    if (!TakePart(parts, &name, &value) || name <= last) return absl::nullopt;
    if (name == kFailures[1] && !TakeFailures(value, offset, metadata.failures))
      return absl::nullopt;
    if (name == kGaps[1] && !TakeGaps(value, metadata.gaps)) return absl::nullopt;
    if (name == kMark[1] && !TakeMark(value, offset, metadata.mark)) return absl::nullopt;
    if (name == kSettled[1] && !TakeSpans(value, offset, metadata.settled)) return absl::nullopt;
    last = name;
  }
  return metadata;
}

}  // namespace eventbus::bus
