/* clock.h - the system's clock. */
#ifndef PAWL_WORLD_CLOCK_H
#define PAWL_WORLD_CLOCK_H

#include <stdint.h>

int64_t system_wall_ms(void); /* since 1970 */

#endif
