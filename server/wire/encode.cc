#include "server/wire/encode.h"
