/* vital.h - what the process tells of itself, and what has to be watched for that.
 *
 * Which paths there are is in vitals.def. A pulse remembers since when a head or an
 * operation has not moved, in this life: it is fed behind each turn, and is the only
 * state here.
 */
#ifndef PAWL_SERVE_VITAL_H
#define PAWL_SERVE_VITAL_H

#include "engine/engine.h"

enum vital {
#define VITAL(name, ...) VITAL_##name,
#include "serve/vitals.def"
#undef VITAL
	VITAL_COUNT
};

/* VITAL_COUNT: it is none. */
enum vital vital_find(const char *method, const char *path);
bool vital_is_open(enum vital v); /* over TCP; false also for what is none */

#define PULSE_STUCK_MS ((int64_t)3600 * 1000) /* so long no row of it got further */

struct pulse;

struct pulse *pulse_new(void);
void pulse_free(struct pulse *p);
void pulse_turn(struct pulse *p, const struct runner *r, int64_t now_ms);

/* Of chain number i of the runner; -1: it has no head yet. */
int64_t pulse_head_age_ms(const struct pulse *p, int i, int64_t now_ms);
/* It should go on by itself, and does not. */
bool pulse_stuck(const struct pulse *p, const struct operation *o, int64_t now_ms);

#endif
