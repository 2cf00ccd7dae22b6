#include "kinds/node/snapshot/root.h"

#include <pthread.h>
#include <signal.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/sha256.h"
#include "kinds/node/snapshot/fast.h"

#define PIECE (1 << 15)
#define PIECES 16

/* A root of more than one piece is hashed by a thread of its own, while the next piece
 * is made. */
struct root {
	struct sha256 *sha;
	size_t n; /* bytes of the piece that is being made */
	char *piece;
	char *pieces[PIECES]; /* made when they are needed */
	/* shared */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t lens[PIECES];
	size_t made, hashed; /* pieces so far */
	bool running, over;
	pthread_t thread;
};

static char *piece_new(void)
{
	char *piece = mem_take(PIECE);

	CHECK(piece);
	return piece;
}

struct root *root_begin(void)
{
	struct root *r = mem_new(sizeof *r);

	r->sha = sha256_begin();
	r->piece = r->pieces[0] = piece_new();
	memcpy(r->piece, "L2STATE|v1\n", 11);
	r->n = 11;
	return r;
}

static void *hash_pieces(void *ctx)
{
	struct root *r = ctx;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		size_t at = r->hashed % PIECES;

		if (r->hashed == r->made) {
			if (r->over)
				break;
			pthread_cond_wait(&r->moved, &r->lock);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		sha256_add(r->sha, r->pieces[at], r->lens[at]);
		pthread_mutex_lock(&r->lock);
		r->hashed++;
		pthread_cond_signal(&r->moved);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static void start(struct root *r)
{
	sigset_t all, old;

	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	CHECK(pthread_create(&r->thread, NULL, hash_pieces, r) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	r->running = true;
}

/* The piece goes to the thread, and another one is begun. */
static void flush(struct root *r)
{
	if (!r->running)
		start(r);
	pthread_mutex_lock(&r->lock);
	r->lens[r->made++ % PIECES] = r->n;
	pthread_cond_signal(&r->moved);
	while (r->made - r->hashed == PIECES)
		pthread_cond_wait(&r->moved, &r->lock);
	pthread_mutex_unlock(&r->lock);
	if (!r->pieces[r->made % PIECES])
		r->pieces[r->made % PIECES] = piece_new();
	r->piece = r->pieces[r->made % PIECES];
	r->n = 0;
}

static void finish(struct root *r)
{
	if (r->running) {
		flush(r);
		pthread_mutex_lock(&r->lock);
		r->over = true;
		pthread_cond_signal(&r->moved);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
		pthread_cond_destroy(&r->moved);
		pthread_mutex_destroy(&r->lock);
	} else {
		sha256_add(r->sha, r->piece, r->n);
	}
}

static void add(struct root *r, const char *bytes, size_t len)
{
	while (len > PIECE - r->n) {
		size_t fits = PIECE - r->n;

		memcpy(r->piece + r->n, bytes, fits);
		r->n = PIECE;
		bytes += fits;
		len -= fits;
		flush(r);
	}
	if (len)
		memcpy(r->piece + r->n, bytes, len);
	r->n += len;
}

static void add_number(struct root *r, uint64_t v, bool negative)
{
	char digits[DIGITS_MAX + 1], *p = digits;

	if (negative) {
		*p++ = '-';
		v = -v;
	}
	add(r, digits, (size_t)(digits_put(p, v) - digits));
}

void root_list(struct root *r, enum l2_list list, uint64_t n)
{
	const char *name = l2_kinds[list].many;

	add(r, name, strlen(name));
	add(r, ":", 1);
	add_number(r, n, false);
	add(r, "\n", 1);
}

void root_balance(struct root *r, struct l2_bytes peer, struct l2_bytes amount)
{
	size_t len = 8 + peer.len + 1 + amount.len + 1;
	char *p;

	if (len > PIECE - r->n) {
		add(r, "balance:", 8);
		add(r, peer.at, peer.len);
		add(r, ":", 1);
		add(r, amount.at, amount.len);
		add(r, "\n", 1);
		return;
	}
	p = r->piece + r->n;
	memcpy(p, "balance:", 8);
	if (peer.len)
		memcpy(p + 8, peer.at, peer.len);
	p += 8 + peer.len;
	*p++ = ':';
	memcpy(p, amount.at, amount.len);
	p[amount.len] = '\n';
	r->n += len;
}

void root_record(struct root *r, enum l2_list list, const void *record)
{
	const struct l2_kind *kind = &l2_kinds[list];

	if (list == L2_BALANCES) {
		const struct l2_balance *b = record;
		char digits[DIGITS_MAX];

		root_balance(r, b->peer,
		    (struct l2_bytes){
			digits, (size_t)(digits_put(digits, b->amount) - digits) });
		return;
	}
	add(r, kind->one, strlen(kind->one));
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];

		add(r, ":", 1);
		if (field->type == L2_TEXT) {
			struct l2_bytes text = l2_field_text(record, field);

			add(r, text.at, text.len);
		} else {
			uint64_t v = l2_field_number(record, field);

			add_number(r, v, field->type == L2_INT && v >> 63);
		}
	}
	add(r, "\n", 1);
}

void root_end(struct root *r, char out[L2_HEX])
{
	uint8_t hash[32];

	finish(r);
	sha256_end(r->sha, hash);
	hex_format(out, hash, sizeof hash);
	for (size_t i = 0; i < PIECES; i++)
		mem_free(r->pieces[i]);
	mem_free(r);
}
