#include "tests/reference/golden.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "tests/reference/json.h"

namespace eventbus::reference {
namespace {

GoldenVector ReadVector(const std::string& line) {
  const absl::StatusOr<Json> json = ParseJson(line);
  if (!json.ok() || json->kind != Json::Kind::kObject) {
    std::cerr << "golden vector: " << json.status() << "\n" << line << "\n";
    std::abort();
  }
  GoldenVector out;
  for (const std::size_t i : json->LastOfEachName()) {
    const std::string& name = json->names[i].string;
    const Json& value = json->items[i];
    if (name == "name") out.name = value.string;
    if (name == "topic") out.topic = value.string;
    if (name == "value") out.value = value.string;
    if (name == "event") out.event = std::string(value.text);
    if (name == "undecodable") out.undecodable = value.string;
    if (name == "rewritten") out.rewritten = value.string;
    if (name == "value_base64" && value.kind == Json::Kind::kString) {
      out.value.emplace();
      if (!absl::Base64Unescape(value.string, &*out.value)) std::abort();
    }
  }
  return out;
}

}  // namespace

std::vector<GoldenVector> ReadGoldenVectors(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::vector<GoldenVector> vectors;
  for (const std::string& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) vectors.push_back(ReadVector(line));
    }
  }
  return vectors;
}

}  // namespace eventbus::reference
