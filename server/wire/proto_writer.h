#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"

namespace eventbus::wire {

// A buffer that protobuf's wire format is written into, front to back, and that is used again from
// event to event. A length that is not known yet gets one byte, which Close widens where it must.
class ProtoWriter {
 public:
  std::size_t size() const { return size_; }
  const char* data() const { return data_.get(); }
  absl::string_view written() const { return {data_.get(), size_}; }

  // Empties the buffer; keeps its memory, up to `max_kept`.
  void Clear(std::size_t max_kept = 4 << 20) {
    size_ = 0;
    if (capacity_ > max_kept) {
      data_.reset();
      capacity_ = 0;
    }
  }

  void Byte(char byte) { *Grow(1) = byte; }

  void Bytes(absl::string_view bytes) {
    if (!bytes.empty()) std::memcpy(Grow(bytes.size()), bytes.data(), bytes.size());
  }

  void Varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<char>(value | 0x80));
    Byte(static_cast<char>(value));
  }

  void Fixed64(std::uint64_t value) {
    char* const out = Grow(8);
    for (int i = 0; i < 8; ++i) out[i] = static_cast<char>(value >> (8 * i));
  }

  // A length and as many bytes.
  void String(absl::string_view bytes) {
    Varint(bytes.size());
    Bytes(bytes);
  }

  // Begins something with a length before it, and returns what Close needs to end it.
  std::size_t Open() {
    Byte(0);
    return size_;
  }

  void Close(std::size_t opened) {
    const std::size_t length = size_ - opened;
    std::size_t width = 1;
    for (std::size_t rest = length >> 7; rest != 0; rest >>= 7) ++width;
    if (width > 1) {
      Grow(width - 1);
      std::memmove(&data_[opened + width - 1], &data_[opened], length);
    }
    const std::size_t end = size_;
    size_ = opened - 1;
    Varint(length);
    size_ = end;
  }

  // Forgets everything from `size` on.
  void Truncate(std::size_t size) { size_ = size; }

  // Takes [begin, end) out; what follows moves up.
  void Erase(std::size_t begin, std::size_t end) {
    if (begin == end) return;
    std::memmove(&data_[begin], &data_[end], size_ - end);
    size_ -= end - begin;
  }

  // Moves [begin, end) up to `to`.
  void MoveUp(std::size_t to, std::size_t begin, std::size_t end) {
    if (begin != end) std::memmove(&data_[to], &data_[begin], end - begin);
  }

 private:
  char* Grow(std::size_t count) {
    if (capacity_ - size_ < count) Reallocate(count);
    char* const out = &data_[size_];
    size_ += count;
    return out;
  }

  void Reallocate(std::size_t count) {
    const std::size_t capacity = std::max({std::size_t{1024}, capacity_ * 2, size_ + count});
    std::unique_ptr<char[]> data(new char[capacity]);
    if (size_ != 0) std::memcpy(data.get(), data_.get(), size_);
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace eventbus::wire
