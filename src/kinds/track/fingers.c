#include "kinds/track/fingers.h"

#include <string.h>

#include "base/mem.h"

#define ROOM_FIRST 64
/* Fuller than this it is made twice as large. */
#define FULL(room) ((room) / 4 * 3)
/* Emptier than this it is made half as large. */
#define SPARSE(room) ((room) / 8)

void fingers_init(struct fingers *f, uint64_t mix)
{
	*f = (struct fingers){ .mix = mix };
}

void fingers_release(struct fingers *f)
{
	mem_free(f->at);
	*f = (struct fingers){ .mix = f->mix };
}

/* Each bit of the argument moves half of the result (the finalizer of SplitMix64). */
static uint64_t mixed(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t word(const uint8_t *bytes)
{
	uint64_t w;

	memcpy(&w, bytes, sizeof w);
	return w;
}

static uint64_t not_free(uint64_t print)
{
	return print ? print : 1;
}

uint64_t finger_hash(const struct fingers *f, const struct hash *hash)
{
	uint64_t x = f->mix;

	for (size_t i = 0; i < sizeof hash->at; i += 8)
		x = mixed(x ^ word(hash->at + i));
	return not_free(x);
}

uint64_t finger_nonce(
    const struct fingers *f, const struct address *sender, uint64_t nonce)
{
	uint32_t tail;
	uint64_t x = mixed(~f->mix ^ word(sender->at));

	x = mixed(x ^ word(sender->at + 8));
	memcpy(&tail, sender->at + 16, sizeof tail);
	return not_free(mixed(mixed(x ^ tail) ^ nonce));
}

static void put(struct fingers *f, struct finger new)
{
	size_t at = new.print &(f->room - 1);

	while (f->at[at].print)
		at = (at + 1) & (f->room - 1);
	f->at[at] = new;
}

static void resize(struct fingers *f, size_t room)
{
	struct fingers old = *f;

	f->room = room;
	f->at = mem_array(f->room, sizeof *f->at);
	for (size_t i = 0; i < old.room; i++)
		if (old.at[i].print)
			put(f, old.at[i]);
	mem_free(old.at);
}

void fingers_add(struct fingers *f, uint64_t print, int64_t row)
{
	if (f->n >= FULL(f->room))
		resize(f, f->room ? f->room * 2 : ROOM_FIRST);
	put(f, (struct finger){ .print = print, .row = row });
	f->n++;
}

/* What stands behind a place that came free may have wanted it. */
static void close_gap(struct fingers *f, size_t gap)
{
	size_t mask = f->room - 1, at = gap;

	for (;;) {
		size_t wanted;

		at = (at + 1) & mask;
		if (!f->at[at].print)
			break;
		wanted = f->at[at].print & mask;
		if (((at - wanted) & mask) < ((at - gap) & mask))
			continue;
		f->at[gap] = f->at[at];
		gap = at;
	}
	f->at[gap] = (struct finger){ .print = 0 };
}

void fingers_drop(struct fingers *f, uint64_t print, int64_t row)
{
	size_t mask = f->room - 1;

	if (!f->room)
		return;
	for (size_t at = print & mask; f->at[at].print; at = (at + 1) & mask) {
		if (f->at[at].print != print || f->at[at].row != row)
			continue;
		close_gap(f, at);
		f->n--;
		if (SPARSE(f->room) > f->n && f->room > ROOM_FIRST)
			resize(f, f->room / 2);
		return;
	}
}

int64_t fingers_next(const struct fingers *f, uint64_t print, size_t *at)
{
	size_t mask = f->room - 1;

	if (!f->room)
		return 0;
	for (;;) {
		const struct finger *seen = &f->at[(print + *at) & mask];

		if (!seen->print)
			return 0;
		(*at)++;
		if (seen->print == print)
			return seen->row;
	}
}
