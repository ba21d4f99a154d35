// Many tails on one hub, on real threads: what tail_sharing_test shows step by step, for the thread
// sanitizer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "server/bus/tail.h"
#include "server/bus/tail_hub.h"
#include "tests/unit/bus/tail_checker.h"

namespace eventbus::bus {
namespace {

// A client that reads on one thread of a pool, now and then not at once.
class ThreadedClient final : public StreamSink,
                             public std::enable_shared_from_this<ThreadedClient> {
 public:
  ThreadedClient(const WrittenLog& log, TailChecker::Expected expected, Executor& executor,
                 unsigned seed)
      : checker_(log, std::move(expected)), executor_(executor), random_(seed) {}

  void SetTail(const std::shared_ptr<Tail>& tail) {
    MutexLock lock(mu_);
    tail_ = tail;
  }

  bool Write(Message message) override {
    MutexLock lock(mu_);
    if (writing_ || closed_) return false;
    writing_ = true;
    Check(message);
    auto done = [self = shared_from_this()] { self->Finish(); };
    if (random_() % 20 == 0) {
      executor_.PostAt(Clock::System().Now() + absl::Milliseconds(random_() % 50), done);
    } else {
      executor_.Post(done);
    }
    return true;
  }

  void Close(const absl::Status&, std::vector<Message> last) override {
    MutexLock lock(mu_);
    closed_ = true;
    for (const Message& message : last) Check(message);
  }

  bool Complete(const std::map<kafka::TopicPartition, std::int64_t>& ends) const {
    MutexLock lock(mu_);
    return checker_.Complete(ends);
  }
  bool closed() const {
    MutexLock lock(mu_);
    return closed_;
  }

 private:
  void Check(const Message& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::string bytes;
    for (const Slice& part : message) bytes.append(part.view().data(), part.size);
    v1::SubscribeResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    checker_.Check(response);
  }

  void Finish() {
    std::shared_ptr<Tail> tail;
    {
      MutexLock lock(mu_);
      writing_ = false;
      tail = tail_.lock();
    }
    if (tail != nullptr) tail->OnWritten();
  }

  mutable Mutex mu_;
  TailChecker checker_ ABSL_GUARDED_BY(mu_);
  Executor& executor_;
  std::mt19937 random_ ABSL_GUARDED_BY(mu_);
  std::weak_ptr<Tail> tail_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

class TailThreadsTest : public testing::Test {
 protected:
  struct Stream {
    std::shared_ptr<ThreadedClient> client;
    std::shared_ptr<Tail> tail;
  };

  TailThreadsTest() {
    log_.AddTopic("document-events", 3);
    log_.AddTopic("meeting-events", 1);
    monitor_.Start([](bool) {});
  }
  ~TailThreadsTest() override {
    monitor_.Stop();
    clients_->Stop();
    executor_->Stop();
    blocking_->Stop();
  }

  static TailHubOptions SmallWindow() {
    TailHubOptions options;
    options.reader.window = {.max_bytes = 32u << 10, .max_chunks = 16};
    options.reader.linger = absl::ZeroDuration();
    options.max_catching_up = 4;
    return options;
  }

  Stream Open(unsigned seed) {
    std::mt19937 random(seed);
    TailChecker::Expected expected;
    if (seed % 3 == 0) expected.type = "document.error";
    expected.include_json = seed % 4 == 0;
    expected.max_batch_events = 1 + static_cast<int>(random() % 64);
    TailOptions options;
    if (seed % 2 == 0) options.source.start = Earliest{};
    options.source.client_id = "a-tail";
    options.reader.include_json = expected.include_json;
    options.reader.batch.max_events = expected.max_batch_events;
    if (!expected.type.empty()) {
      options.reader.filter = Filter::Parse({expected.type}, fakes::Schema::Get().catalog).value();
    }
    Stream stream;
    stream.client = std::make_shared<ThreadedClient>(log_, expected, *clients_, seed);
    stream.tail = Tail::Make(context_, std::move(options), stream.client);
    stream.client->SetTail(stream.tail);
    stream.tail->Start();
    return stream;
  }

  const std::unique_ptr<Executor> executor_ = MakeThreadPool("bus", 3);
  const std::unique_ptr<Executor> blocking_ = MakeThreadPool("blocking", 2);
  const std::unique_ptr<Executor> clients_ = MakeThreadPool("clients", 1);
  fakes::FakeKafka kafka_;
  WrittenLog log_{kafka_};
  ClusterMonitor monitor_{kafka_, *blocking_, Clock::System(), ClusterMonitor::Options()};
  TailHub hub_{*fakes::Schema::Get().plan,
               kafka_,
               monitor_,
               *executor_,
               *blocking_,
               Clock::System(),
               SmallWindow()};
  const Context context_{fakes::Schema::Get().catalog,
                         *fakes::Schema::Get().plan,
                         kafka_,
                         kafka_,
                         monitor_,
                         *executor_,
                         *blocking_,
                         Clock::System(),
                         &hub_};
};

TEST_F(TailThreadsTest, EachGetsExactlyWhatWasWrittenWhileOthersComeAndGo) {
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) log_.WriteOne(random);
  std::vector<Stream> streams;
  unsigned seed = 0;
  for (; seed < 30; ++seed) streams.push_back(Open(seed));
  for (int i = 0; i < 2000; ++i) {
    log_.WriteOne(random);
    if (i % 20 != 0) continue;
    Stream& one = streams[random() % streams.size()];
    one.tail->OnGone();
    one = Open(seed++);
    std::this_thread::yield();
  }
  const auto ends = log_.Ends();
  for (const Stream& stream : streams) {
    while (!stream.client->Complete(ends)) std::this_thread::yield();
  }
  for (const Stream& stream : streams) stream.tail->Drain(absl::Seconds(1));
  for (const Stream& stream : streams) {
    while (!stream.client->closed()) std::this_thread::yield();
  }
  EXPECT_GT(hub_.joins(), 30);
  while (kafka_.live_consumers() > 1) std::this_thread::yield();  // The one for look-ups.
}

}  // namespace
}  // namespace eventbus::bus
