#include "server/wire/proto_append.h"

#include "google/protobuf/io/coded_stream.h"

namespace eventbus::wire {

void AppendVarint(std::uint64_t value, std::string& out) {
  std::uint8_t bytes[10];
  const std::uint8_t* end =
      google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
}

void AppendNumber(std::uint32_t field, std::int64_t value, std::string& out) {
  if (value == 0) return;
  AppendVarint(field << 3, out);
  AppendVarint(static_cast<std::uint64_t>(value), out);
}

void AppendText(std::uint32_t field, absl::string_view text, std::string& out) {
  if (!text.empty()) AppendBytes(field, text, out);
}

void AppendBytes(std::uint32_t field, absl::string_view bytes, std::string& out) {
  AppendPrefix(field, bytes.size(), out);
  out.append(bytes.data(), bytes.size());
}

void AppendPrefix(std::uint32_t field, std::size_t size, std::string& out) {
  AppendVarint(field << 3 | 2, out);
  AppendVarint(size, out);
}

std::size_t PrefixSize(std::size_t size) {
  return 1 + google::protobuf::io::CodedOutputStream::VarintSize64(size);
}

}  // namespace eventbus::wire
