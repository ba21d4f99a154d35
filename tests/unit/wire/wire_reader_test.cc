#include "server/wire/wire_reader.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

std::string Bytes(const std::vector<int>& bytes) {
  std::string out;
  for (const int byte : bytes) out.push_back(static_cast<char>(byte));
  return out;
}

// The only field of `bytes`.
WireField Only(const std::vector<int>& bytes) {
  const std::string text = Bytes(bytes);
  WireReader reader(text);
  WireField field;
  EXPECT_TRUE(reader.Next(&field)) << WireFaultText(reader.fault());
  field.bytes = {};  // Into `text`.
  WireField none;
  EXPECT_FALSE(reader.Next(&none));
  EXPECT_EQ(reader.fault(), WireFault::kNone);
  return field;
}

WireFault FaultInText(const std::string& bytes, int depth = 0) {
  WireReader reader(bytes, depth);
  WireField field;
  while (reader.Next(&field)) {
  }
  return reader.fault();
}

WireFault FaultOf(const std::vector<int>& bytes) { return FaultInText(Bytes(bytes)); }

TEST(WireReaderTest, NoBytesAreNoFields) {
  EXPECT_EQ(FaultInText(std::string()), WireFault::kNone);
}

TEST(WireReaderTest, ReadsAVarint) {
  const WireField field = Only({0x08, 0x96, 0x01});
  EXPECT_EQ(field.number, 1u);
  EXPECT_EQ(field.type, WireType::kVarint);
  EXPECT_EQ(field.bits, 150u);
}

TEST(WireReaderTest, ReadsFixedNumbersLittleEndian) {
  EXPECT_EQ(Only({0x09, 1, 2, 3, 4, 5, 6, 7, 8}).bits, 0x0807060504030201u);
  EXPECT_EQ(Only({0x0d, 1, 2, 3, 4}).bits, 0x04030201u);
}

TEST(WireReaderTest, ReadsBytes) {
  const std::string bytes = Bytes({0x12, 2, 'h', 'i'});
  WireReader reader(bytes);
  WireField field;
  ASSERT_TRUE(reader.Next(&field));
  EXPECT_EQ(field.bytes, "hi");
}

TEST(WireReaderTest, TakesOverlongSpellings) {
  EXPECT_EQ(Only({0x88, 0x80, 0x80, 0x80, 0x00, 0x05}).number, 1u);
  EXPECT_EQ(Only({0x08, 0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}).bits, 5u);
  EXPECT_EQ(Only({0x0a, 0x81, 0x80, 0x80, 0x80, 0x00, 'x'}).type, WireType::kBytes);
}

TEST(WireReaderTest, BitsPastThe64thCountForNothing) {
  EXPECT_EQ(Only({0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}).bits,
            0xffffffffffffffffu);
}

TEST(WireReaderTest, RefusesAVarintOfElevenBytes) {
  EXPECT_EQ(FaultOf({0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}),
            WireFault::kLongVarint);
}

TEST(WireReaderTest, RefusesATagOfSixBytes) {
  EXPECT_EQ(FaultOf({0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x05}), WireFault::kLongVarint);
}

TEST(WireReaderTest, RefusesALengthOfSixBytesOrPast32Bits) {
  EXPECT_EQ(FaultOf({0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), WireFault::kLongVarint);
  EXPECT_EQ(FaultOf({0x0a, 0x80, 0x80, 0x80, 0x80, 0x10}), WireFault::kCutOff);
}

TEST(WireReaderTest, FindsWhereBytesAreCutOff) {
  EXPECT_EQ(FaultOf({0x08}), WireFault::kCutOff);
  EXPECT_EQ(FaultOf({0x08, 0x80}), WireFault::kCutOff);
  EXPECT_EQ(FaultOf({0x80}), WireFault::kCutOff);
  EXPECT_EQ(FaultOf({0x09, 1, 2, 3, 4, 5, 6, 7}), WireFault::kCutOff);
  EXPECT_EQ(FaultOf({0x0d, 1, 2, 3}), WireFault::kCutOff);
  EXPECT_EQ(FaultOf({0x0a}), WireFault::kCutOff);
  EXPECT_EQ(FaultOf({0x0a, 2, 'x'}), WireFault::kCutOff);
}

TEST(WireReaderTest, RefusesFieldZeroAndUnknownWireTypes) {
  EXPECT_EQ(FaultOf({0x00, 0x00}), WireFault::kTag);
  EXPECT_EQ(FaultOf({0x02, 0x00}), WireFault::kTag);
  EXPECT_EQ(FaultOf({0x0e, 0x00}), WireFault::kTag);
  EXPECT_EQ(FaultOf({0x0f, 0x00}), WireFault::kTag);
}

TEST(WireReaderTest, AGroupIsOneField) {
  EXPECT_EQ(Only({0x0b, 0x10, 0x05, 0x13, 0x14, 0x1a, 1, 'x', 0x0c}).type, WireType::kGroup);
}

TEST(WireReaderTest, GroupsMustBeClosedByTheirOwnNumber) {
  EXPECT_EQ(FaultOf({0x0b}), WireFault::kGroup);
  EXPECT_EQ(FaultOf({0x0b, 0x14}), WireFault::kGroup);
  EXPECT_EQ(FaultOf({0x0c}), WireFault::kGroup);
}

TEST(WireReaderTest, GroupsCountAsNesting) {
  const std::string open(100, '\x0b');
  const std::string close(100, '\x0c');
  EXPECT_EQ(FaultInText(open + close), WireFault::kNone);
  EXPECT_EQ(FaultInText("\x0b" + open + close + "\x0c"), WireFault::kTooDeep);
  EXPECT_EQ(FaultInText(open + close, 1), WireFault::kTooDeep);
}

TEST(WireReaderTest, ReadsPackedNumbers) {
  const std::string bytes = Bytes({0x01, 0x96, 0x01, 0x80});
  WireReader reader(bytes);
  std::uint64_t value = 0;
  EXPECT_TRUE(reader.NextVarint(&value));
  EXPECT_EQ(value, 1u);
  EXPECT_TRUE(reader.NextVarint(&value));
  EXPECT_EQ(value, 150u);
  EXPECT_FALSE(reader.NextVarint(&value));
  EXPECT_EQ(reader.fault(), WireFault::kCutOff);
}

}  // namespace
}  // namespace eventbus::wire
