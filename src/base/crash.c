#include "base/crash.h"

#include <stddef.h>

void (*crash_hook)(enum crash_point p);
