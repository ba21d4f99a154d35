#include "server/rpc/acknowledgement.h"

#include <cstddef>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "eventbus/v1/event_bus_service.pb.h"
#include "server/base/error.h"
#include "server/rpc/unknown_fields.h"

namespace eventbus::rpc {
namespace {

constexpr int kMaxTokens = 10'000;
constexpr std::size_t kMaxTokenBytes = 64;

// At most 200 bytes, so that 10,000 of them stay below 3 MiB with their tokens.
const char* InWords(v1::ErrorReason reason) {
  switch (reason) {
    case v1::ERROR_REASON_ACK_TOKEN_INVALID:
      return "not a token that a server made: give back ack_token as it came";
    case v1::ERROR_REASON_ACK_TOKEN_NOT_OWNED:
      return "no stream on this server has its event: the stream has ended, its partition has "
             "moved, or the token is another server's; the event is delivered again";
    case v1::ERROR_REASON_ACK_TOKEN_EXPIRED:
      return "the event has been delivered again since: only its latest token settles it";
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

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseAcknowledge(absl::string_view bytes) {
  v1::AcknowledgeRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                       {{"request", "not an AcknowledgeRequest: its bytes are not protobuf"}});
  }
  if (absl::Status status = RefuseUnknownFields(request); !status.ok()) return status;
  if (request.ack_tokens_size() < 1 || request.ack_tokens_size() > kMaxTokens) {
    return MakeInvalid(v1::ERROR_REASON_REQUEST_INVALID,
                       {{"ack_tokens", absl::StrCat(request.ack_tokens_size(), " tokens, 1 to ",
                                                    kMaxTokens, " are allowed")}});
  }
  auto& tokens = *request.mutable_ack_tokens();
  return std::vector<std::string>(std::make_move_iterator(tokens.begin()),
                                  std::make_move_iterator(tokens.end()));
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
