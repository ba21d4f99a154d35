#include "server/wire/decode.h"
