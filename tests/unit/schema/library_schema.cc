#include "tests/unit/schema/library_schema.h"

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "eventbus/schema/v1/annotations.pb.h"
#include "google/protobuf/descriptor.pb.h"

namespace eventbus::testing {

namespace pb = google::protobuf;

const pb::DescriptorPool& LibraryPool() {
  static const pb::DescriptorPool& pool = *[] {
    // The options of the set are read with the annotations linked in here.
    (void)schema::v1::TopicOptions::descriptor();
    std::ifstream in(LIBRARY_SET, std::ios::binary);
    pb::FileDescriptorSet set;
    if (!set.ParseFromIstream(&in)) std::abort();
    auto* built = new pb::DescriptorPool;
    for (const pb::FileDescriptorProto& file : set.file()) {
      if (built->BuildFile(file) == nullptr) {
        std::cerr << "cannot build " << file.name() << "\n";
        std::abort();
      }
    }
    return built;
  }();
  return pool;
}

}  // namespace eventbus::testing
