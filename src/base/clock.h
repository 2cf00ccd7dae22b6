/* clock.h - what time it is, for people: in a log line, beside an event.
 *
 * Nothing decides by it. Who owns the process says where it comes from: the program takes
 * the system's clock (world/clock.h), the simulator its own. Until then it is 1970.
 */
#ifndef PAWL_BASE_CLOCK_H
#define PAWL_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970 */
void clock_set(int64_t (*wall_ms)(void));

#endif
