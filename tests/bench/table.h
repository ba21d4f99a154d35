#pragma once

#include <string>
#include <vector>

#include "tests/bench/cases.h"

namespace eventbus::bench {

// The head of a Markdown table, two lines.
std::string TableHead();

// A line of it: medians over the runs, ratios of each run to the one beside it, and half the range
// of the rates as the spread. An empty name where the row goes on from the one before.
std::string TableLine(const Row& row, bool goes_on);

}  // namespace eventbus::bench
