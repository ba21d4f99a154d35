#pragma once

#include <functional>
#include <string>

#include "tests/simulation/schedule.h"

namespace eventbus::simulation {

// What is wrong with a schedule; empty: nothing.
using Judge = std::function<std::string(const Schedule&)>;

// A schedule that fails as `schedule` does and has no step that could be left out: by halves first,
// then one by one. Then a smaller world, if it fails there, too.
Schedule Shrink(const Schedule& schedule, const Judge& judge);
Schedule Shrink(const Schedule& schedule);

}  // namespace eventbus::simulation
