#include "kinds/node/snapshot/root.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/sha256.h"
#include "kinds/node/snapshot/fast.h"

#define PIECE (1 << 16)
#define PIECES 128 /* that are made before they are hashed */

/* A root of more than one piece is hashed by a thread of its own, while the next ones
 * are made. Where processors are few and busy neither waits for the other soon. */
struct root {
	struct sha256 *sha;
	bool alone; /* who makes the pieces hashes them, too */
	size_t n;   /* bytes of the piece that is being made */
	char *piece;
	struct buf rest; /* of a record that is told */
	/* shared */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	char *pieces[PIECES], *spare[PIECES]; /* to be hashed; to be filled again */
	size_t lens[PIECES], spare_n;
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
	r->piece = piece_new();
	memcpy(r->piece, "L2STATE|v1\n", 11);
	r->n = 11;
	buf_init(&r->rest, SIZE_MAX / 2);
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
		r->spare[r->spare_n++] = r->pieces[at];
		r->hashed++;
		pthread_cond_signal(&r->moved);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* Signals are for the thread that waits for them. */
static void thread_start(pthread_t *ret, void *(*run)(void *), void *ctx)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	CHECK(pthread_create(ret, NULL, run, ctx) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void start(struct root *r)
{
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
	thread_start(&r->thread, hash_pieces, r);
	r->running = true;
}

/* The piece goes to the thread, and another one is begun. */
static void flush(struct root *r)
{
	if (r->alone) {
		sha256_add(r->sha, r->piece, r->n);
		r->n = 0;
		return;
	}
	if (!r->running)
		start(r);
	pthread_mutex_lock(&r->lock);
	while (r->made - r->hashed == PIECES)
		pthread_cond_wait(&r->moved, &r->lock);
	r->pieces[r->made % PIECES] = r->piece;
	r->lens[r->made++ % PIECES] = r->n;
	r->piece = r->spare_n ? r->spare[--r->spare_n] : NULL;
	pthread_cond_signal(&r->moved);
	pthread_mutex_unlock(&r->lock);
	if (!r->piece)
		r->piece = piece_new();
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

void root_list(struct root *r, enum l2_list list, uint64_t n)
{
	const char *name = l2_kinds[list].many;
	char line[DIGITS_MAX + 2] = ":", *end = digits_put(line + 1, n);

	*end++ = '\n';
	add(r, name, strlen(name));
	add(r, line, (size_t)(end - line));
}

void root_line(struct root *r, enum l2_list list, struct l2_bytes line)
{
	static const char tag[] = "balance:";
	char *p = r->piece + r->n;

	if (list != L2_BALANCES || sizeof tag - 1 + line.len > PIECE - r->n) {
		const char *name = l2_kinds[list].one;

		add(r, name, strlen(name));
		add(r, ":", 1);
		add(r, line.at, line.len);
		return;
	}
	memcpy(p, tag, sizeof tag - 1);
	fast_copy(p + sizeof tag - 1, line.at, line.len);
	r->n += sizeof tag - 1 + line.len;
}

void root_rest(struct buf *b, enum l2_list list, const void *record)
{
	const struct l2_kind *kind = &l2_kinds[list];

	for (size_t i = 1; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];

		if (i > 1)
			buf_add_byte(b, ':');
		if (field->type == L2_TEXT) {
			struct l2_bytes text = l2_field_text(record, field);

			if (text.len)
				buf_add(b, text.at, text.len);
		} else {
			uint64_t v = l2_field_number(record, field);

			if (field->type == L2_INT && v >> 63) {
				buf_add_byte(b, '-');
				v = -v;
			}
			buf_add_u64(b, v);
		}
	}
	buf_add_byte(b, '\n');
}

/* The usual balance; false: it has no room in the piece. */
static bool add_balance(struct root *r, const struct l2_balance *b)
{
	static const char tag[] = "balance:";
	char *p = r->piece + r->n;

	if (sizeof tag + b->peer.len + DIGITS_MAX + 1 > PIECE - r->n)
		return false;
	memcpy(p, tag, sizeof tag - 1);
	p += sizeof tag - 1;
	if (b->peer.len)
		p = fast_copy(p, b->peer.at, b->peer.len);
	*p++ = ':';
	p = digits_put(p, b->amount);
	*p++ = '\n';
	r->n = (size_t)(p - r->piece);
	return true;
}

void root_record(struct root *r, enum l2_list list, const void *record)
{
	const struct l2_kind *kind = &l2_kinds[list];
	struct l2_bytes id;

	if (list == L2_BALANCES && add_balance(r, record))
		return;
	id = l2_field_text(record, &kind->fields[0]);
	add(r, kind->one, strlen(kind->one));
	add(r, ":", 1);
	add(r, id.at, id.len);
	add(r, ":", 1);
	buf_clear(&r->rest);
	root_rest(&r->rest, list, record);
	add(r, (const char *)r->rest.data, r->rest.len);
}

void root_end(struct root *r, char out[L2_HEX])
{
	uint8_t hash[32];

	finish(r);
	sha256_end(r->sha, hash);
	hex_format(out, hash, sizeof hash);
	buf_release(&r->rest);
	while (r->spare_n)
		mem_free(r->spare[--r->spare_n]);
	mem_free(r->piece);
	mem_free(r);
}

/* -- beside another work --------------------------------------------------------- */

struct root_ahead {
	const struct l2_state *state;
	char root[L2_HEX];
	pthread_t thread;
	bool over;
	atomic_bool unwanted;
};

static void *compute(void *ctx)
{
	struct root_ahead *a = ctx;
	struct root *r = root_begin();

	r->alone = true;
	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		size_t n = l2_state_n(a->state, list), size = l2_kinds[list].size;
		const char *record = l2_state_at(a->state, list, 0);

		root_list(r, list, n);
		for (size_t i = 0; i < n && !atomic_load(&a->unwanted); i++)
			root_record(r, list, record + i * size);
	}
	root_end(r, a->root);
	return NULL;
}

struct root_ahead *root_ahead_begin(const struct l2_state *s)
{
	struct root_ahead *a = mem_new(sizeof *a);

	a->state = s;
	thread_start(&a->thread, compute, a);
	return a;
}

static void wait_for(struct root_ahead *a)
{
	if (!a->over)
		pthread_join(a->thread, NULL);
	a->over = true;
}

void root_ahead_get(struct root_ahead *a, char out[L2_HEX])
{
	wait_for(a);
	memcpy(out, a->root, L2_HEX);
}

void root_ahead_free(struct root_ahead *a)
{
	atomic_store(&a->unwanted, true);
	wait_for(a);
	mem_free(a);
}
