#include "chain/pool/bucket.h"

#include "base/mutant.h"

#define WINDOW_MS 1000
#define LEARNED_FORGOTTEN 1000 /* per second: a limit above that is none */

void bucket_init(struct bucket *b, const struct rate *told, int64_t now_ms)
{
	*b = (struct bucket){ .told = *told,
		.level = told->burst * told->per_ms,
		.filled_ms = now_ms,
		.window_ms = now_ms };
}

/* -- what is told ---------------------------------------------------------- */

static void told_fill(struct bucket *b, int64_t gone_ms)
{
	int64_t full = b->told.burst * b->told.per_ms;
	int64_t missing = full - b->level;

	if (b->told.calls == 0)
		return;
	if (gone_ms > missing / b->told.calls)
		b->level = full;
	else
		b->level += gone_ms * b->told.calls;
}

static int64_t told_at_ms(const struct bucket *b)
{
	int64_t missing = b->told.per_ms - b->level;

	if (b->told.calls == 0 || missing <= 0 || MUTANT(told_rate_ignored))
		return 0;
	return b->filled_ms + (missing + b->told.calls - 1) / b->told.calls;
}

/* -- what is learned ------------------------------------------------------- */

static void learned_fill(struct bucket *b, int64_t gone_ms)
{
	int64_t full = b->learned * 1000;

	if (b->learned == 0)
		return;
	if (gone_ms > WINDOW_MS)
		gone_ms = WINDOW_MS;
	b->tokens_milli += gone_ms * b->learned;
	if (b->tokens_milli > full)
		b->tokens_milli = full;
}

static void window(struct bucket *b, int64_t now_ms)
{
	int64_t windows = (now_ms - b->window_ms) / WINDOW_MS;

	if (windows < 1)
		return;
	b->last_asked = windows == 1 ? b->window_asked : 0;
	b->window_asked = 0;
	b->window_ms += windows * WINDOW_MS;
	if (b->learned == 0)
		return;
	b->learned += windows;
	if (b->learned > LEARNED_FORGOTTEN)
		b->learned = 0;
}

static int64_t learned_at_ms(const struct bucket *b)
{
	int64_t missing = 1000 - b->tokens_milli;

	if (b->learned == 0 || missing <= 0)
		return 0;
	return b->filled_ms + (missing + b->learned - 1) / b->learned;
}

/* -- both ------------------------------------------------------------------ */

void bucket_take(struct bucket *b, int64_t calls, int64_t now_ms)
{
	int64_t gone_ms = now_ms - b->filled_ms;

	b->filled_ms = now_ms;
	told_fill(b, gone_ms);
	learned_fill(b, gone_ms);
	window(b, now_ms);
	b->window_asked++;
	if (b->told.calls)
		b->level -= (MUTANT(batch_is_one_call) ? 1 : calls) * b->told.per_ms;
	if (b->learned)
		b->tokens_milli -= 1000;
}

void bucket_limited(struct bucket *b, int64_t now_ms)
{
	int64_t asked;

	window(b, now_ms);
	told_fill(b, now_ms - b->filled_ms);
	asked = b->window_asked > b->last_asked ? b->window_asked : b->last_asked;
	b->learned = asked / 2 > 1 ? asked / 2 : 1;
	b->tokens_milli = 0;
	b->filled_ms = now_ms;
}

void bucket_reset(struct bucket *b)
{
	b->learned = 0;
	if (b->level < b->told.per_ms)
		b->level = b->told.per_ms;
}

int64_t bucket_at_ms(const struct bucket *b)
{
	int64_t told = told_at_ms(b), learned = learned_at_ms(b);

	return told > learned ? told : learned;
}
