#include "tests/fuzz/proto_mutator.h"

#include <cstdint>
#include <iterator>
#include <random>

#include "google/protobuf/unknown_field_set.h"

namespace eventbus::fuzz {
namespace {

namespace pb = google::protobuf;
using Random = std::minstd_rand;

constexpr std::uint64_t kVarints[] = {0,
                                      1,
                                      2,
                                      3,
                                      5,
                                      9,
                                      999'999'999,
                                      1'000'000'000,
                                      0x7fffffff,
                                      0x80000000,
                                      0x100000000,
                                      0x100000001,
                                      253402300799,
                                      253402300800,
                                      9007199254740993,
                                      0x7fffffffffffffff,
                                      0x8000000000000000,
                                      0xffffffffffffffff,
                                      static_cast<std::uint64_t>(-62135596800),
                                      static_cast<std::uint64_t>(-62135596801)};
// Doubles: 0, -0, 1, the infinities, NaN, the smallest, the largest, 0.1, 1e21, 1e-7.
constexpr std::uint64_t kFixed[] = {0,
                                    0x8000000000000000,
                                    0x3ff0000000000000,
                                    0x7ff0000000000000,
                                    0xfff0000000000000,
                                    0x7ff8000000000000,
                                    1,
                                    0x7fefffffffffffff,
                                    0x3fb999999999999a,
                                    0x444b1ae4d6e2ef50,
                                    0x3e7ad7f29abcaf48};

std::string Serialized(const pb::UnknownFieldSet& fields) {
  std::string bytes;
  fields.SerializeToString(&bytes);
  return bytes;
}

class Mutation {
 public:
  Mutation(const std::vector<std::string>& texts, unsigned seed) : texts_(&texts), random_(seed) {}

  std::string Of(const std::string& bytes, int depth) {
    pb::UnknownFieldSet fields;
    if (!fields.ParseFromString(bytes)) return bytes;
    if (fields.empty()) {
      AddField(fields);
      return Serialized(fields);
    }
    pb::UnknownField& field = *fields.mutable_field(Below(fields.field_count()));
    const bool nested = field.type() == pb::UnknownField::TYPE_LENGTH_DELIMITED;
    if (nested && depth < 80 && random_() % 5 != 0) {
      const std::string inner = Of(field.length_delimited(), depth + 1);
      field.set_length_delimited(inner);
      return Serialized(fields);
    }
    return Change(fields, field);
  }

 private:
  int Below(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  std::string Change(pb::UnknownFieldSet& fields, pb::UnknownField& field) {
    switch (random_() % 6) {
      case 0:
        AddField(fields);
        break;
      case 1: {  // Once more, so that it merges or replaces.
        pb::UnknownFieldSet copy;
        copy.AddField(field);
        fields.MergeFrom(copy);
        break;
      }
      case 2: {
        const int last = fields.field_count() - 1;
        std::swap(field, *fields.mutable_field(last));
        break;
      }
      case 3:
        fields.DeleteSubrange(Below(fields.field_count()), 1);
        break;
      default:
        SetValue(field);
    }
    return Serialized(fields);
  }

  void SetValue(pb::UnknownField& field) {
    switch (field.type()) {
      case pb::UnknownField::TYPE_VARINT:
        return field.set_varint(Varint());
      case pb::UnknownField::TYPE_FIXED64:
        return field.set_fixed64(kFixed[random_() % std::size(kFixed)]);
      case pb::UnknownField::TYPE_LENGTH_DELIMITED:
        return field.set_length_delimited(Text());
      default:
        return;
    }
  }

  void AddField(pb::UnknownFieldSet& fields) {
    const int number = random_() % 4 == 0 ? 15 : 1 + Below(random_() % 8 == 0 ? 3000 : 12);
    switch (random_() % 8) {
      case 0:
      case 1:
        return fields.AddVarint(number, Varint());
      case 2:
        return fields.AddFixed64(number, kFixed[random_() % std::size(kFixed)]);
      case 3:
        if (random_() % 4 == 0) {
          return fields.AddFixed32(number, 1);
        }
        [[fallthrough]];
      default:
        return fields.AddLengthDelimited(number, Text());
    }
  }

  std::uint64_t Varint() { return kVarints[random_() % std::size(kVarints)]; }
  const std::string& Text() { return (*texts_)[random_() % texts_->size()]; }

  const std::vector<std::string>* texts_;
  Random random_;
};

}  // namespace

std::string ProtoMutator::Mutate(absl::string_view bytes, unsigned seed) const {
  return Mutation(texts_, seed).Of(std::string(bytes), 0);
}

}  // namespace eventbus::fuzz
