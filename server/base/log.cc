#include "server/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace eventbus {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

std::string Value(absl::string_view value) {
  const bool plain =
      !value.empty() && value.find_first_of(" \t\r\n\"=\\") == absl::string_view::npos;
  return plain ? std::string(value) : absl::StrCat("\"", absl::Utf8SafeCEscape(value), "\"");
}

}  // namespace

std::string FormatLogFields(absl::string_view message, std::initializer_list<LogField> fields) {
  std::string line = absl::StrCat("msg=", Value(message));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=", Value(field.value));
  }
  return line;
}

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  spdlog::log(ToSpdlog(level), "{}", FormatLogFields(message, fields));
}

void SetUpLog(LogLevel level) {
  auto logger = spdlog::stderr_logger_mt("eventbus");
  logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
  logger->set_level(ToSpdlog(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace eventbus
