#include "server/bus/group_inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <utility>

namespace eventbus::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Keeps what it is asked until it is told to answer.
class FakeStream final : public GroupInspected {
 public:
  explicit FakeStream(std::string id) : id_(std::move(id)) {}

  void Inspect(Done done) override { asked_.push_back(std::move(done)); }

  void Answer() {
    for (Done& done : std::exchange(asked_, {})) done({id_, "", {}});
  }
  void Forget() { asked_.clear(); }

 private:
  const std::string id_;
  std::vector<Done> asked_;
};

class GroupInspectorTest : public testing::Test {
 protected:
  std::shared_ptr<FakeStream> Enter(const std::string& group, const std::string& id) {
    auto stream = std::make_shared<FakeStream>(id);
    inspector_.Enter(group, stream);
    return stream;
  }
  void Inspect(const std::string& group) {
    inspector_.Inspect(group, [this](std::vector<HeldStream> streams) {
      ++answers_;
      ids_.clear();
      for (const HeldStream& stream : streams) ids_.push_back(stream.stream_id);
    });
  }

  GroupInspector inspector_;
  int answers_ = 0;
  std::vector<std::string> ids_;
};

TEST_F(GroupInspectorTest, AGroupWithoutStreamsIsAnsweredAtOnce) {
  const auto other = Enter("other", "a");
  Inspect("group");
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(ids_, IsEmpty());
}

TEST_F(GroupInspectorTest, WaitsForEveryStreamOfTheGroup) {
  const auto b = Enter("group", "b");
  const auto a = Enter("group", "a");
  const auto other = Enter("other", "c");
  Inspect("group");
  b->Answer();
  EXPECT_EQ(answers_, 0);
  a->Answer();
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(ids_, ElementsAre("a", "b"));
}

TEST_F(GroupInspectorTest, AStreamThatGoesMeanwhileSaysNothing) {
  const auto a = Enter("group", "a");
  const auto b = Enter("group", "b");
  Inspect("group");
  a->Answer();
  b->Forget();
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(ids_, ElementsAre("a"));
}

TEST_F(GroupInspectorTest, AStreamThatHasGoneIsNotAsked) {
  Enter("group", "a").reset();
  const auto b = Enter("group", "b");
  const auto c = Enter("group", "c");
  inspector_.Leave("group", b.get());
  inspector_.Leave("group", b.get());
  Inspect("group");
  c->Answer();
  EXPECT_THAT(ids_, ElementsAre("c"));
  inspector_.Leave("group", c.get());
  inspector_.Leave("nobody", c.get());
  Inspect("group");
  EXPECT_EQ(answers_, 2);
  EXPECT_THAT(ids_, IsEmpty());
}

TEST_F(GroupInspectorTest, StreamsAnswerOnThreadsOfTheirOwn) {
  std::vector<std::shared_ptr<FakeStream>> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(Enter("group", std::to_string(i)));
  Inspect("group");
  std::vector<std::thread> threads;
  for (const auto& stream : streams) threads.emplace_back([stream] { stream->Answer(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(ids_.size(), 8u);
}

}  // namespace
}  // namespace eventbus::bus
