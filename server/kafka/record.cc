#include "server/kafka/record.h"

#include <cstddef>

namespace eventbus::kafka {
namespace {

std::size_t SizeOf(const RecordView& record) {
  std::size_t size =
      record.topic.size() + record.key.value_or("").size() + record.value.value_or("").size();
  for (const HeaderView& header : record.headers) {
    size += header.key.size() + header.value.value_or("").size();
  }
  return size;
}

// Moves views into `bytes`, which has room: it must not be moved itself.
class Mover {
 public:
  explicit Mover(std::string& bytes) : bytes_(bytes) {}

  void Move(absl::string_view& text) {
    const std::size_t at = bytes_.size();
    bytes_.append(text.data(), text.size());
    text = absl::string_view(bytes_.data() + at, text.size());
  }
  void Move(absl::optional<absl::string_view>& text) {
    if (text.has_value()) Move(*text);
  }

 private:
  std::string& bytes_;
};

}  // namespace

KeptRecord::KeptRecord(const RecordView& record) {
  const auto data = std::make_shared<Data>();
  data->bytes.reserve(SizeOf(record));
  data->view = record;
  Mover mover(data->bytes);
  mover.Move(data->view.topic);
  mover.Move(data->view.key);
  mover.Move(data->view.value);
  for (HeaderView& header : data->view.headers) {
    mover.Move(header.key);
    mover.Move(header.value);
  }
  data_ = data;
}

}  // namespace eventbus::kafka
