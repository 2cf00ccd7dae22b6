#include "chain/pool/figures.h"

#include "base/check.h"

/* Then all are halved: what was a while ago counts less and less. */
#define RECENT_MAX 512

static const int64_t bounds_ms[LATENCY_BOXES] = { 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70,
	100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10000, 15000,
	INT64_MAX };

int64_t latency_bound_ms(int i)
{
	CHECK(i >= 0 && i < LATENCY_BOXES);
	return bounds_ms[i];
}

static void halve(struct latency *l)
{
	l->recent_n = 0;
	for (int i = 0; i < LATENCY_BOXES; i++) {
		l->recent[i] /= 2;
		l->recent_n += l->recent[i];
	}
}

void latency_add(struct latency *l, int64_t ms)
{
	int i = 0;

	while (ms > bounds_ms[i])
		i++;
	l->n++;
	l->sum_ms += ms > 0 ? ms : 0;
	l->box[i]++;
	if (l->recent_n == RECENT_MAX)
		halve(l);
	l->recent[i]++;
	l->recent_n++;
}

/* Within a box they are taken to lie evenly; of the last one its lower bound is told. */
int64_t latency_quantile_ms(const struct latency *l, int percent)
{
	int64_t rank = (l->recent_n * percent + 99) / 100, below = 0;

	CHECK(percent > 0 && percent <= 100);
	for (int i = 0; i < LATENCY_BOXES && l->recent_n > 0; i++) {
		int64_t low = i ? bounds_ms[i - 1] : 0, here = l->recent[i];

		if (below + here < rank) {
			below += here;
			continue;
		}
		if (i == LATENCY_BOXES - 1)
			return low;
		return low + ((bounds_ms[i] - low) * (rank - below) + here - 1) / here;
	}
	return 0;
}
