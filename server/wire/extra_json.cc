// extra_json := ws object ws      as json_scanner.cc has it
#include "server/wire/extra_json.h"

#include "absl/strings/str_cat.h"
#include "server/wire/allowed.h"
#include "server/wire/json_scanner.h"
#include "server/wire/json_string.h"
#include "server/wire/repeated_names.h"

namespace eventbus::wire {
namespace {

absl::string_view NameOf(const JsonString& name, ExtraJson* extra) {
  if (!name.escaped) return name.raw;
  extra->names.emplace_front();
  Unescape(name.raw, &extra->names.front());
  return extra->names.front();
}

bool ReadMembers(JsonScanner* scanner, ExtraJson* extra) {
  JsonString name;
  JsonStep step = scanner->FirstMember(&name);
  for (; step == JsonStep::kItem; step = scanner->NextMember(&name)) {
    ExtraMember member;
    member.name = NameOf(name, extra);
    member.name_text = {name.raw.data() - 1, name.raw.size() + 2};
    scanner->Peek();
    const char* const begin = scanner->at();
    if (!scanner->Skip()) return false;
    member.value = {begin, static_cast<std::size_t>(scanner->at() - begin)};
    extra->members.push_back(member);
  }
  return step == JsonStep::kEnd && scanner->Finish();
}

std::string ProblemOf(const JsonScanner::Error& error) {
  if (error.too_deep) {
    return absl::StrCat("nested deeper than ", kMaxNesting,
                        " levels from the event's own object, at "
                        "most ",
                        kMaxNesting, " are allowed");
  }
  return absl::StrCat("byte ", error.offset, ": ", error.what, ", one JSON object is allowed");
}

}  // namespace

bool ReadExtraJson(absl::string_view text, int level, ExtraJson* extra, std::string* problem) {
  JsonScanner scanner(text, kMaxNesting - level + 1);
  if (scanner.Peek() != '{') {
    *problem = "not a JSON object, one JSON object is allowed";
    return false;
  }
  if (!ReadMembers(&scanner, extra)) {
    *problem = ProblemOf(scanner.error());
    return false;
  }
  extra->repeated = MarkRepeated(0, &extra->members);
  return true;
}

}  // namespace eventbus::wire
