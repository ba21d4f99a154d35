#include "server/wire/proto_writer.h"

#include <string>

#include "gtest/gtest.h"

namespace eventbus::wire {
namespace {

TEST(ProtoWriterTest, VarintsAreOfEveryWidth) {
  ProtoWriter out;
  out.Varint(0);
  out.Varint(127);
  out.Varint(128);
  out.Varint(~std::uint64_t{0});
  EXPECT_EQ(out.written(),
            absl::string_view("\x00\x7f\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 14));
}

TEST(ProtoWriterTest, Fixed64IsLittleEndian) {
  ProtoWriter out;
  out.Fixed64(0x0102030405060708);
  EXPECT_EQ(out.written(), "\x08\x07\x06\x05\x04\x03\x02\x01");
}

TEST(ProtoWriterTest, CloseWritesTheLengthInAsManyBytesAsItTakes) {
  for (const std::size_t length : {0u, 1u, 127u, 128u, 16383u, 16384u, 3'000'000u}) {
    ProtoWriter opened;
    const std::size_t start = opened.Open();
    opened.Bytes(std::string(length, 'x'));
    opened.Close(start);
    ProtoWriter known;
    known.String(std::string(length, 'x'));
    EXPECT_EQ(opened.written(), known.written()) << length;
  }
}

TEST(ProtoWriterTest, EraseMovesUpWhatFollows) {
  ProtoWriter out;
  out.Bytes("abcdef");
  out.Erase(1, 3);
  EXPECT_EQ(out.written(), "adef");
}

TEST(ProtoWriterTest, ClearKeepsNothing) {
  ProtoWriter out;
  out.Bytes("abc");
  out.Clear();
  out.Byte('d');
  EXPECT_EQ(out.written(), "d");
}

TEST(ProtoWriterTest, ClearGivesUpLargeMemory) {
  ProtoWriter out;
  out.Bytes(std::string(100, 'x'));
  out.Clear(10);
  EXPECT_EQ(out.data(), nullptr);
  out.Byte('d');
  EXPECT_EQ(out.written(), "d");
}

}  // namespace
}  // namespace eventbus::wire
