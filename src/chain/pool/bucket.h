/* bucket.h - how fast a node may be asked: a token bucket with two limits.
 *
 * The one that is told counts calls, of which a batch holds many: of the config, or what
 * the provider documents (limit.h). It starts full; a batch may leave it in debt, which
 * is waited for before the next request. The other is learned, and counts requests: there
 * is none until a 429, which halves what was asked in the last second; each quiet second
 * gives one more. Both are integers throughout. Plain memory; the clock is the caller's.
 */
#ifndef PAWL_CHAIN_POOL_BUCKET_H
#define PAWL_CHAIN_POOL_BUCKET_H

#include <stdint.h>

/* So many calls in so long, and so many at once; calls 0: no limit. */
struct rate {
	int64_t calls, per_ms, burst;
};

struct bucket {
	struct rate told;
	int64_t level;        /* of told: per_ms for one call; below 0 in debt */
	int64_t learned;      /* requests a second; 0: no limit known */
	int64_t tokens_milli; /* of learned: a thousand for one request */
	int64_t filled_ms;
	int64_t window_ms;
	int64_t window_asked, last_asked;
};

void bucket_init(struct bucket *b, const struct rate *told, int64_t now_ms);
/* A request of so many calls leaves. */
void bucket_take(struct bucket *b, int64_t calls, int64_t now_ms);
/* A 429 came. */
void bucket_limited(struct bucket *b, int64_t now_ms);
/* What was learned is forgotten, and a debt forgiven. */
void bucket_reset(struct bucket *b);
/* When a request may leave; 0: now. */
int64_t bucket_at_ms(const struct bucket *b);

#endif
