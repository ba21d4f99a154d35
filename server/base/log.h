#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace eventbus {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  absl::string_view key;
  std::string value;
};

// One line on stderr, as logfmt: `time=… level=info msg="stream opened" stream=…`. Never on the way
// of an event. Thread-safe.
void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});

// Lines below `level` are dropped. At the start of the process, before other threads.
void SetUpLog(LogLevel level);

// `message` and `fields` as logfmt: values with white space, quotes or `=` are quoted.
std::string FormatLogFields(absl::string_view message, std::initializer_list<LogField> fields);

}  // namespace eventbus
