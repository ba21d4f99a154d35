#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/event/catalog.h"

namespace eventbus::bus {

// Which event types a reader wants. Immutable; thread-safe.
class Filter {
 public:
  // Passes everything.
  Filter() = default;

  // Reads `patterns`: texts of types (`document.uploaded`), each in the catalog, and prefixes
  // (`document.*`), which need not be. None: everything. REQUEST_INVALID names every bad one as
  // `event_types[i]`.
  static absl::StatusOr<Filter> Parse(const std::vector<std::string>& patterns,
                                      const event::Catalog& catalog);

  // Whether an event of this type passes; an event without a type only where nothing is filtered.
  bool Passes(absl::string_view type) const;

  bool passes_all() const { return types_.empty() && prefixes_.empty(); }

  // The same text for filters that pass the same: the sorted patterns, or "all".
  std::string Describe() const;

 private:
  absl::flat_hash_set<std::string> types_;
  std::vector<std::string> prefixes_;
};

}  // namespace eventbus::bus
