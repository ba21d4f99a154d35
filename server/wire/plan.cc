#include "server/wire/plan.h"
