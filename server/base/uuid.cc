#include "server/base/uuid.h"

#include <uuid/uuid.h>

namespace eventbus {

std::string NewUuid() {
  uuid_t bytes;
  uuid_generate_random(bytes);
  char text[UUID_STR_LEN];
  uuid_unparse_lower(bytes, text);
  return text;
}

}  // namespace eventbus
