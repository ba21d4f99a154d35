// That jemalloc is what `malloc` is, and has read our settings.
#include <gtest/gtest.h>
#include <jemalloc/jemalloc.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace {

template <typename T>
T Get(const char* name) {
  T value{};
  std::size_t size = sizeof value;
  EXPECT_EQ(mallctl(name, &value, &size, nullptr, 0), 0) << name;
  return value;
}

std::uint64_t Allocated() { return Get<std::uint64_t>("thread.allocated"); }

TEST(Heap, IsJemallocs) {
  const std::uint64_t before = Allocated();
  const auto block = std::make_unique<char[]>(1 << 20);
  EXPECT_NE(block, nullptr);
  EXPECT_GE(Allocated() - before, 1 << 20);
}

TEST(Heap, GivesBackWhatIsNotUsedAgain) {
  EXPECT_EQ(Get<unsigned>("opt.narenas"), 4U);
  EXPECT_TRUE(Get<bool>("opt.background_thread"));
  EXPECT_EQ(Get<std::size_t>("opt.max_background_threads"), 1U);
  EXPECT_EQ(Get<ssize_t>("opt.dirty_decay_ms"), 500);
  EXPECT_EQ(Get<ssize_t>("opt.muzzy_decay_ms"), 0);
}

TEST(Heap, CachesLittleInEachThread) {
  EXPECT_EQ(Get<unsigned>("opt.tcache_nslots_small_max"), 20U);
  EXPECT_EQ(Get<unsigned>("opt.tcache_nslots_small_min"), 2U);
  EXPECT_EQ(Get<unsigned>("opt.tcache_nslots_large"), 4U);
  EXPECT_EQ(Get<ssize_t>("opt.lg_tcache_nslots_mul"), -1);
}

}  // namespace
