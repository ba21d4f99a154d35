#include "server/rpc/acknowledgement.h"

#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/error.h"
#include "server/rpc/durations.h"
#include "server/rpc/unknown_fields.h"

namespace eventbus::rpc {
namespace {

constexpr int kMaxTokens = 10'000;
constexpr std::size_t kMaxTokenBytes = 64;
constexpr std::size_t kMaxReasonBytes = 1024;
constexpr absl::Duration kMaxDelay = absl::Minutes(10);
// Of a letter whose client does not say.
constexpr char kDefaultReason[] = "client";

// At most 200 bytes, so that 10,000 of them stay below 3 MiB with their tokens.
const char* InWords(v1::ErrorReason reason) {
  switch (reason) {
    case v1::ERROR_REASON_ACK_TOKEN_INVALID:
      return "not a token that a server made: give back ack_token as it came";
    case v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED:
      return "no stream on this server has its event: the stream has ended, its partition has "
             "moved, or the token is another server's; the event is delivered again";
    case v1::ERROR_REASON_ACK_TOKEN_EXPIRED:
      return "the event has been delivered again since, or settled another way: a later token of "
             "it, "
             "if there is one, stands for it";
    case v1::ERROR_REASON_DEAD_LETTER_DISABLED:
      return "its group has no dead_letter_policy: acknowledge the event, or retry it";
    default:
      return "not settled";
  }
}

// Not cut within a character of UTF-8.
absl::string_view Cut(absl::string_view token) {
  if (token.size() <= kMaxTokenBytes) return token;
  std::size_t end = kMaxTokenBytes;
  while (end > 0 && (token[end] & 0xC0) == 0x80) --end;
  return token.substr(0, end);
}

using Settlement = bus::Settlement<std::string>;

void TakeAcks(v1::AcknowledgeRequest& request, Settlement& asked) {
  auto& tokens = *request.mutable_ack_tokens();
  asked.acks.assign(std::make_move_iterator(tokens.begin()), std::make_move_iterator(tokens.end()));
}

void TakeRetries(v1::AcknowledgeRequest& request, absl::string_view path, Settlement& asked,
                 std::vector<FieldViolation>& violations) {
  asked.retries.reserve(static_cast<std::size_t>(request.retries_size()));
  for (int i = 0; i < request.retries_size(); ++i) {
    v1::Retry& retry = *request.mutable_retries(i);
    absl::optional<absl::Duration> delay;
    if (retry.has_delay()) delay = ToDuration(retry.delay());
    if (retry.has_delay() && !IsWithin(retry.delay(), absl::ZeroDuration(), kMaxDelay)) {
      violations.push_back({absl::StrCat(path, "retries[", i, "].delay"),
                            absl::StrCat(absl::FormatDuration(*delay), ", 0s to 10m are allowed")});
    }
    asked.retries.push_back({std::move(*retry.mutable_ack_token()), delay});
  }
}

void TakeDeadLetters(v1::AcknowledgeRequest& request, absl::string_view path, Settlement& asked,
                     std::vector<FieldViolation>& violations) {
  asked.dead_letters.reserve(static_cast<std::size_t>(request.dead_letters_size()));
  for (int i = 0; i < request.dead_letters_size(); ++i) {
    v1::DeadLetter& letter = *request.mutable_dead_letters(i);
    std::string& reason = *letter.mutable_reason();
    if (reason.size() > kMaxReasonBytes) {
      violations.push_back({absl::StrCat(path, "dead_letters[", i, "].reason"),
                            absl::StrCat(reason.size(), " bytes, at most ", kMaxReasonBytes)});
    }
    if (reason.empty()) reason = kDefaultReason;
    asked.dead_letters.push_back({std::move(*letter.mutable_ack_token()), std::move(reason)});
  }
}

}  // namespace

absl::StatusOr<Settlement> ParseAcknowledge(absl::string_view bytes) {
  v1::AcknowledgeRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                       {{"request", "not an AcknowledgeRequest: its bytes are not protobuf"}});
  }
  if (absl::Status status = RefuseUnknownFields(request); !status.ok()) return status;
  return ReadAcknowledge(request, "");
}

absl::StatusOr<Settlement> ReadAcknowledge(v1::AcknowledgeRequest& request,
                                           absl::string_view path) {
  const int tokens =
      request.ack_tokens_size() + request.retries_size() + request.dead_letters_size();
  if (tokens < 1 || tokens > kMaxTokens) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                       {{absl::StrCat(path, "ack_tokens"),
                         absl::StrCat(tokens, " tokens, 1 to ", kMaxTokens,
                                      " are allowed in the three lists together")}});
  }
  Settlement asked;
  std::vector<FieldViolation> violations;
  TakeAcks(request, asked);
  TakeRetries(request, path, asked, violations);
  TakeDeadLetters(request, path, asked, violations);
  if (violations.empty()) return asked;
  return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID, std::move(violations));
}

std::string AcknowledgeResponseBytes(const std::vector<bus::AckError>& errors) {
  v1::AcknowledgeResponse response;
  for (const bus::AckError& error : errors) {
    auto& added = *response.add_errors();
    added.set_ack_token(std::string(Cut(error.token)));
    added.set_reason(error.reason);
    added.set_message(InWords(error.reason));
  }
  return response.SerializeAsString();
}

}  // namespace eventbus::rpc
