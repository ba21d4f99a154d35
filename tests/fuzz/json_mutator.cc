#include "tests/fuzz/json_mutator.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/reference/json.h"

namespace eventbus::fuzz {
namespace {

using reference::Json;
using Random = std::minstd_rand;

template <typename Item>
const Item& Pick(const std::vector<Item>& items, Random& random) {
  return items[random() % items.size()];
}

// Every value in `json`, itself among them, and every name.
void Collect(const Json& json, std::vector<const Json*>& values, std::vector<const Json*>& names) {
  values.push_back(&json);
  for (const Json& name : json.names) names.push_back(&name);
  for (const Json& item : json.items) Collect(item, values, names);
}

std::string Replace(absl::string_view whole, absl::string_view part, absl::string_view with) {
  const auto at = static_cast<std::size_t>(part.data() - whole.data());
  return absl::StrCat(whole.substr(0, at), with, whole.substr(at + part.size()));
}

// A string whose letters are partly spelled as escapes.
std::string Escaped(absl::string_view string, Random& random) {
  std::string out;
  for (const char c : string) {
    const bool plain = c >= 'a' && c <= 'z' && (out.empty() || out.back() != '\\');
    if (plain && random() % 3 == 0) {
      const char* hex = "0123456789abcdef";
      absl::StrAppend(&out, "\\u00");
      out += {hex[c >> 4], hex[c & 15]};
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string Digits(Random& random) {
  std::string out;
  for (auto left = 1 + random() % 21; left > 0; --left) {
    out.push_back(static_cast<char>('0' + random() % 10));
  }
  return out;
}

std::string SomeNumber(Random& random) {
  const std::size_t from = random() % 3;
  std::string out = from == 0 ? "0" : Digits(random);
  out.erase(0, std::min(out.find_first_not_of('0'), out.size() - 1));
  if (random() % 3 == 0) out = "-" + out;
  if (random() % 2 == 0) absl::StrAppend(&out, ".", random() % 3 == 0 ? "000" : Digits(random));
  if (random() % 2 == 0) {
    absl::StrAppend(&out, "e", random() % 2 == 0 ? "-" : "", random() % (random() % 2 ? 30 : 340));
  }
  return random() % 8 == 0 ? absl::StrCat("\"", out, "\"") : out;
}

std::string SomeTime(Random& random) {
  const auto two = [&random](unsigned below) {
    const unsigned n = static_cast<unsigned>(random() % below);
    return absl::StrCat(n / 10, n % 10);
  };
  std::string out = random() % 2 == 0 ? "2024" : random() % 2 == 0 ? "0000" : "9999";
  if (random() % 8 == 0) out = absl::StrCat(two(100), two(100));
  absl::StrAppend(&out, "-", two(14), "-", two(33), random() % 2 == 0 ? "T" : " ", two(25), ":");
  absl::StrAppend(&out, two(61), ":", two(61));
  if (random() % 2 == 0) absl::StrAppend(&out, ".", Digits(random).substr(0, random() % 12));
  if (random() % 3 == 0) absl::StrAppend(&out, "Z");
  if (random() % 3 == 0) {
    absl::StrAppend(&out, random() % 2 == 0 ? "+" : "-", two(25), ":", two(61));
  }
  return absl::StrCat("\"", out, "\"");
}

std::string Nested(absl::string_view inner, Random& random) {
  std::string open;
  std::string close;
  for (auto left = 1 + random() % 26; left > 0; --left) {
    const bool array = random() % 2 == 0;
    absl::StrAppend(&open, array ? "[" : "{\"d\":");
    close.insert(0, array ? "]" : "}");
  }
  return absl::StrCat(open, inner, close);
}

}  // namespace

JsonMutator::JsonMutator(const std::vector<std::string>& pool) {
  std::set<std::string> values;
  std::set<std::string> members;
  for (const std::string& text : pool) {
    const auto json = reference::ParseJson(text);
    if (!json.ok()) continue;
    std::vector<const Json*> all;
    std::vector<const Json*> names;
    Collect(*json, all, names);
    for (const Json* value : all) {
      values.emplace(value->text);
      for (std::size_t i = 0; i < value->names.size(); ++i) {
        members.insert(absl::StrCat(value->names[i].text, ":", value->items[i].text));
      }
    }
  }
  values_.assign(values.begin(), values.end());
  members_.assign(members.begin(), members.end());
}

std::string JsonMutator::Mutate(absl::string_view text, unsigned seed) const {
  Random random(seed);
  const auto json = reference::ParseJson(text);
  if (!json.ok()) return std::string(text);
  std::vector<const Json*> values;
  std::vector<const Json*> names;
  Collect(*json, values, names);
  const Json& value = *Pick(values, random);
  switch (random() % 9) {
    case 0:
      return Replace(text, value.text, SomeNumber(random));
    case 1:
      return Replace(text, value.text, SomeTime(random));
    case 2:
      return Replace(text, value.text, Nested(value.text, random));
    case 3:
      return Replace(text, value.text, Pick(values, random)->text);
    case 4:
      if (names.empty()) break;
      return Replace(text, Pick(names, random)->text, Pick(names, random)->text);
    case 5: {
      const Json& string = names.empty() || random() % 2 == 0 ? value : *Pick(names, random);
      if (string.kind != Json::Kind::kString) break;
      return Replace(text, string.text, Escaped(string.text, random));
    }
    case 6:
    case 7:
      if (value.kind != Json::Kind::kObject) break;
      return Replace(text, value.text.substr(0, 1),
                     absl::StrCat("{", Pick(members_, random), value.names.empty() ? "" : ","));
    default:
      break;
  }
  return Replace(text, value.text, Pick(values_, random));
}

}  // namespace eventbus::fuzz
