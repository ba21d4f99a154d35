#include "tests/simulation/shrink.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/world.h"

namespace eventbus::simulation {
namespace {

Schedule Without(const Schedule& schedule, std::size_t begin, std::size_t count) {
  Schedule less{schedule.setup, {}};
  for (std::size_t i = 0; i < schedule.steps.size(); ++i) {
    if (i < begin || i >= begin + count) less.steps.push_back(schedule.steps[i]);
  }
  return less;
}

Schedule DropSteps(Schedule schedule, const Judge& judge) {
  for (std::size_t count = std::max<std::size_t>(schedule.steps.size() / 2, 1); count > 0;
       count /= 2) {
    for (std::size_t begin = 0; begin < schedule.steps.size();) {
      Schedule less = Without(schedule, begin, count);
      if (judge(less).empty()) {
        begin += count;
      } else {
        schedule = std::move(less);
      }
    }
  }
  return schedule;
}

template <typename T>
void Try(Schedule& schedule, T Setup::*member, T value, const Judge& judge) {
  if (schedule.setup.*member == value) return;
  Schedule simpler = schedule;
  simpler.setup.*member = value;
  if (!judge(simpler).empty()) schedule = std::move(simpler);
}

Schedule Simplify(Schedule schedule, const Judge& judge) {
  Try(schedule, &Setup::topics, 1, judge);
  Try(schedule, &Setup::partitions, 1, judge);
  Try(schedule, &Setup::servers, 1, judge);
  Try(schedule, &Setup::keys, 1, judge);
  for (int events = 1; events < schedule.setup.events; events *= 2) {
    Try(schedule, &Setup::events, events, judge);
  }
  Try(schedule, &Setup::batch, 1, judge);
  Try(schedule, &Setup::max_span, 50, judge);
  Try(schedule, &Setup::max_outstanding, 40, judge);
  Try(schedule, &Setup::ack_timeout_seconds, 1800, judge);
  for (bool Setup::*flag : {&Setup::filter, &Setup::undecodable, &Setup::holes, &Setup::retries,
                            &Setup::killers, &Setup::kills_server, &Setup::small_metadata}) {
    Try(schedule, flag, false, judge);
  }
  Try(schedule, &Setup::assignor, Assignor::kRange, judge);
  return schedule;
}

// What is wrong, but for where.
std::string KindOf(std::string verdict) {
  std::erase_if(verdict, [](char c) { return c >= '0' && c <= '9'; });
  return verdict;
}

}  // namespace

Schedule Shrink(const Schedule& schedule, const Judge& verdict_of) {
  const std::string kind = KindOf(verdict_of(schedule));
  const Judge judge = [&](const Schedule& each) {
    std::string verdict = verdict_of(each);
    return KindOf(verdict) == kind ? verdict : std::string();
  };
  const Schedule less = Simplify(DropSteps(schedule, judge), judge);
  return DropSteps(less, judge);
}

Schedule Shrink(const Schedule& schedule) {
  return Shrink(schedule, [](const Schedule& each) { return Run(each).verdict; });
}

}  // namespace eventbus::simulation
