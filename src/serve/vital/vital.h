/* vital.h - what the process tells of itself, and what has to be watched for that.
 *
 * Which paths there are is in vitals.def. A pulse remembers since when a head or an
 * operation has not moved, in this life: it is fed behind each turn, and is the only
 * state here.
 */
#ifndef PAWL_SERVE_VITAL_VITAL_H
#define PAWL_SERVE_VITAL_VITAL_H

#include "engine/engine.h"

enum vital {
#define VITAL(name, ...) VITAL_##name,
#include "serve/vital/vitals.def"
#undef VITAL
	VITAL_COUNT
};

/* VITAL_COUNT: it is none. */
enum vital vital_find(const char *method, const char *path);
bool vital_is_open(enum vital v); /* over TCP; false also for what is none */

struct pulse;

struct pulse *pulse_new(void);
void pulse_free(struct pulse *p);
void pulse_turn(struct pulse *p, const struct runner *r, int64_t now_ms);

/* Of chain number i of the runner; -1: it has no head yet. */
int64_t pulse_head_age_ms(const struct pulse *p, int i, int64_t now_ms);
/* So long no row has moved of the distribution that stands the longest, of those that are
 * paid in part; 0: there is none. What a former life told of it counts, too. */
int64_t pulse_still_ms(const struct pulse *p, int64_t now_ms);
/* Coin that an account needs within the hour: for what is live, and for as many rows of
 * each operation as the last hour has moved, or all where that is not known yet. */
void pulse_need(const struct pulse *p, struct runner *r, const struct account *a,
    int64_t now_ms, struct amount *ret);
/* Operations that should go on by themselves, and are in the same stage for longer than
 * tell.stuck_after: as the journal has it. */
int64_t stuck_count(const struct runner *r);

#endif
