#include "tests/bench/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace eventbus::bench {
namespace {

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 != 0) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

template <typename Value>
std::vector<double> Each(const std::vector<Measurement>& runs, Value value) {
  std::vector<double> values;
  for (const Measurement& run : runs) values.push_back(value(run));
  return values;
}

double Rate(const Measurement& run) { return run.rate(); }
double Cpu(const Measurement& run) { return run.cpu_micros(); }
double P50(const Measurement& run) { return absl::ToDoubleMilliseconds(run.p50); }
double P99(const Measurement& run) { return absl::ToDoubleMilliseconds(run.p99); }
double Resident(const Measurement& run) {
  return static_cast<double>(run.resident_bytes) / (1 << 20);
}
double Threads(const Measurement& run) { return run.threads; }

// Three digits that count.
std::string Digits(double value) {
  if (value >= 1e6) return absl::StrFormat("%.2fM", value / 1e6);
  if (value >= 1e5) return absl::StrFormat("%.0fk", value / 1e3);
  if (value >= 1e4) return absl::StrFormat("%.1fk", value / 1e3);
  if (value >= 100) return absl::StrFormat("%.0f", value);
  return absl::StrFormat("%.*f", value >= 10 ? 1 : 2, value);
}

template <typename Value>
std::string MedianOf(const std::vector<Measurement>& runs, Value value) {
  return Digits(Median(Each(runs, value)));
}

template <typename Value>
std::string Ratio(const Row& row, Value value) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < row.runs.size(); ++i) {
    ratios.push_back(value(row.runs[i]) / value(row.limits[i]));
  }
  return absl::StrFormat("%.2f", Median(ratios));
}

std::string Spread(const std::vector<Measurement>& runs) {
  const std::vector<double> rates = Each(runs, Rate);
  const auto [least, most] = std::minmax_element(rates.begin(), rates.end());
  return absl::StrFormat("%.0f %%", 50 * (*most - *least) / Median(rates));
}

std::string Latency(const std::vector<Measurement>& runs) {
  if (runs.front().p50 == absl::ZeroDuration()) return "";
  return absl::StrCat(MedianOf(runs, P50), " / ", MedianOf(runs, P99));
}

std::string Line(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |");
}

}  // namespace

std::string TableHead() {
  return absl::StrCat(
      Line({"case", "events/s", "±", "p50 / p99 ms", "server µs/event", "RSS MiB", "threads",
            "beside", "events/s", "p50 / p99 ms", "µs/event", "rate ratio", "CPU ratio"}),
      "\n|", absl::StrJoin(std::vector<std::string>(13, "---"), "|"), "|");
}

std::string TableLine(const Row& row, bool goes_on) {
  std::vector<std::string> cells(7);
  if (!goes_on) {
    cells = {row.name,
             MedianOf(row.runs, Rate),
             Spread(row.runs),
             Latency(row.runs),
             MedianOf(row.runs, Cpu),
             MedianOf(row.runs, Resident),
             MedianOf(row.runs, Threads)};
  }
  for (const std::string& cell : {row.beside, MedianOf(row.limits, Rate), Latency(row.limits),
                                  MedianOf(row.limits, Cpu), Ratio(row, Rate), Ratio(row, Cpu)}) {
    cells.push_back(cell);
  }
  return Line(cells);
}

}  // namespace eventbus::bench
