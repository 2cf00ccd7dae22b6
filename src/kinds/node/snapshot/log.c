#include "kinds/node/snapshot/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"

#define HALVED ((uint64_t)64 << 20)
#define FIRST ((size_t)1 << 16) /* bytes that tell the version */

const char *l2_damage_name(enum l2_damage_kind kind)
{
	static const char *const names[] = {
		[L2_TORN_TAIL] = "a torn end",
		[L2_INCOMPLETE] = "a block without an end",
		[L2_STRAY] = "bytes that are in no block",
		[L2_CRLF] = "a header whose line ends with CR LF",
		[L2_BROKEN] = "a broken record",
		[L2_DAMAGED] = "a damaged snapshot",
	};

	return names[kind];
}

void log_add_block(struct l2_log *log, struct l2_block block)
{
	if (log->blocks_n == log->blocks_cap) {
		log->blocks_cap = log->blocks_cap ? 2 * log->blocks_cap : 64;
		log->blocks = mem_grow(log->blocks, log->blocks_cap, sizeof *log->blocks);
	}
	log->blocks[log->blocks_n++] = block;
}

void log_add_damage(
    struct l2_log *log, enum l2_damage_kind kind, uint64_t from, uint64_t to)
{
	if (log->damages_n == log->damages_cap) {
		log->damages_cap = log->damages_cap ? 2 * log->damages_cap : 16;
		log->damages =
		    mem_grow(log->damages, log->damages_cap, sizeof *log->damages);
	}
	log->damages[log->damages_n++] =
	    (struct l2_damage){ .kind = kind, .offset = from, .len = to - from };
}

/* Where the text begins with it; SIZE_MAX: nowhere. */
static size_t place_in(const char *bytes, size_t n, const char *text, size_t len)
{
	const char *at = memmem(bytes, n, text, len);

	return at ? (size_t)(at - bytes) : SIZE_MAX;
}

/* By what comes first; where neither does, for the beginning is damaged, by its end. */
enum err log_version(
    const struct files *files, struct file *file, int *ret, struct fail *f)
{
	char *bytes = mem_array(FIRST, 1);
	struct v2_foot foot;
	uint64_t size;
	size_t n, text, record;
	enum err e = files->read(file, 0, bytes, FIRST, &n, f);

	*ret = e || !n ? 0 : 1;
	text = place_in(bytes, e ? 0 : n, V1_HEADER, sizeof V1_HEADER - 1);
	record = place_in(bytes, e ? 0 : n, V2_MAGIC, V2_MAGIC_LEN);
	if (record < text)
		*ret = 2;
	if (*ret == 1 && text == SIZE_MAX) {
		e = files->size(file, &size, f);
		if (!e && size >= V2_FOOT)
			e = files->read(file, size - V2_FOOT, bytes, V2_FOOT, &n, f);
		if (!e && size >= V2_FOOT && v2_foot_parse(&foot, bytes, n))
			*ret = 2;
	}
	mem_free(bytes);
	return e;
}

enum err log_open_last(struct l2_log **ret, const struct files *files, const char *path,
    uint64_t last, struct fail *f)
{
	struct l2_log *log = mem_new(sizeof *log);
	enum err e;

	log->files = files;
	log->path = mem_str(path);
	e = files->open(&log->file, path, FILE_READ, f);
	if (!e)
		e = files->size(log->file, &log->size, f);
	if (!e)
		e = log_version(files, log->file, &log->version, f);
	if (log->version != 2 && log->size > last)
		log->from = log->size - last;
	if (!e && log->version == 2)
		e = log_last_v2(log, f);
	if (!e && !log->last.len)
		e = l2_log_survey(log, f);
	if (e) {
		l2_log_close(log);
		return e;
	}
	*ret = log;
	return ERR_OK;
}

enum err l2_log_open(
    struct l2_log **ret, const struct files *files, const char *path, struct fail *f)
{
	return log_open_last(ret, files, path, UINT64_MAX, f);
}

void l2_log_close(struct l2_log *log)
{
	if (!log)
		return;
	log->files->close(log->file);
	mem_free(log->path);
	mem_free(log->blocks);
	mem_free(log->damages);
	mem_free(log);
}

enum err l2_log_survey(struct l2_log *log, struct fail *f)
{
	enum err e;

	if (log->surveyed)
		return ERR_OK;
	log->blocks_n = log->damages_n = 0;
	e = log->version == 2 ? log_scan_v2(log, 0, log->size, f)
			      : log_scan_v1(log, log->from, log->size, f);
	if (!e && log->damages_n)
		e = log_mixed(log, f);
	if (!e)
		e = log_tail(log, f);
	log->surveyed = e == ERR_OK;
	return e;
}

int l2_log_version(const struct l2_log *log)
{
	return log->version == 2 ? 2 : 1;
}

uint64_t l2_log_size(const struct l2_log *log)
{
	return log->size;
}

size_t l2_log_n(const struct l2_log *log)
{
	CHECK(log->surveyed);
	return log->blocks_n;
}

struct l2_block l2_log_at(const struct l2_log *log, size_t n)
{
	CHECK(log->surveyed && n < log->blocks_n);
	return log->blocks[n];
}

size_t l2_log_damages(const struct l2_log *log)
{
	CHECK(log->surveyed);
	return log->damages_n;
}

struct l2_damage l2_log_damage(const struct l2_log *log, size_t n)
{
	CHECK(log->surveyed && n < log->damages_n);
	return log->damages[n];
}

/* -- bytes of it ----------------------------------------------------------------- */

struct part_read {
	struct l2_log *log;
	uint64_t offset;
	char *to;
	size_t len;
	enum err e;
	struct fail f;
};

static void *read_part(void *ctx)
{
	struct part_read *p = ctx;
	size_t n;

	p->e = p->log->files->read(p->log->file, p->offset, p->to, p->len, &n, &p->f);
	if (!p->e && n < p->len)
		p->e = fail_set(&p->f, ERR_STALE, "%s: became shorter while it was read",
		    p->log->path);
	return NULL;
}

/* Most of the time of a large read is the kernel's, which finds memory for it: half of it
 * is a thread's. */
static enum err read_halves(struct part_read *p, struct fail *f)
{
	struct part_read second = *p;
	sigset_t all, old;
	pthread_t thread;

	p->len /= 2;
	second.offset += p->len;
	second.to += p->len;
	second.len -= p->len;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	CHECK(pthread_create(&thread, NULL, read_part, &second) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	read_part(p);
	pthread_join(thread, NULL);
	if (!p->e && second.e)
		*p = second;
	if (p->e && f)
		*f = p->f;
	return p->e;
}

enum err log_read(
    struct l2_log *log, uint64_t offset, uint64_t len, char **ret, struct fail *f)
{
	struct part_read p = { .log = log, .offset = offset, .len = len };
	enum err e;

	/* The disk begins while memory is found for it. */
	if (len >= FIRST)
		log->files->soon(log->file, offset, len);
	p.to = *ret = mem_take(len ? len : 1);
	CHECK(p.to);
	if (len >= HALVED) {
		e = read_halves(&p, f);
	} else {
		read_part(&p);
		e = p.e;
		if (e && f)
			*f = p.f;
	}
	if (e) {
		mem_free(*ret);
		*ret = NULL;
	}
	return e;
}

enum err l2_log_line(struct l2_log *log, uint64_t offset, uint64_t *ret, struct fail *f)
{
	enum { PIECE = 1 << 20 };
	char *bytes = mem_array(PIECE, 1);
	uint64_t at = 0;
	enum err e = ERR_OK;

	*ret = 1;
	while (!e && at < offset) {
		size_t n, want = offset - at < PIECE ? (size_t)(offset - at) : PIECE;

		e = log->files->read(log->file, at, bytes, want, &n, f);
		if (e || !n)
			break;
		for (size_t i = 0; i < n; i++)
			*ret += bytes[i] == '\n';
		at += n;
	}
	mem_free(bytes);
	return e;
}

enum err l2_log_place(struct l2_log *log, struct l2_block block,
    const struct l2_verdict *v, struct l2_place *ret, struct fail *f)
{
	enum err e = ERR_OK;

	*ret = (struct l2_place){ .offset = block.offset + v->offset };
	if (!block.record) {
		e = l2_log_line(log, block.offset, &ret->line, f);
		ret->line += v->line ? v->line - 1 : 0;
	}
	return e;
}

/* -- a block is checked --------------------------------------------------------- */

/* The anchor of a block, and whether that holds: 0 is not asked yet. */
struct anchor_of {
	struct l2_block block;
	char hash[L2_HEX];
	int holds;
};

/* Who asks for the anchor of a peg-out: the blocks below `below`, then the store. */
struct asked {
	struct l2_log *log;
	const struct l2_demand *demand;
	uint64_t below;
	struct anchor_of *anchors; /* of those blocks; made when one is asked for */
	size_t anchors_n;
	bool made;
	/* An older block with the anchor of a peg-out that nobody else has; len 0: none
	 */
	struct l2_block hurt;
	enum err e; /* what could not be read, and so was not found */
	struct fail *f;
};

struct piece_of {
	struct l2_log *log;
	uint64_t offset; /* of the block */
};

static enum err read_piece(void *ctx, uint64_t at, void *to, size_t len, struct fail *f)
{
	const struct piece_of *of = ctx;
	struct part_read p = { of->log, of->offset + at, to, len, .e = ERR_OK };

	read_part(&p);
	if (p.e && f)
		*f = p.f;
	return p.e;
}

enum err log_check(struct l2_log *log, struct l2_block block,
    const struct l2_rules *rules, struct l2_verdict *v, struct fail *f)
{
	struct piece_of of = { log, block.offset };
	struct v1_source source = { read_piece, &of, block.len };
	char *bytes;
	enum err e;

	if (!block.record)
		return v1_check_source(v, &source, rules, f);
	e = log_read(log, block.offset, block.len, &bytes, f);
	if (e)
		return e;
	e = log_check_v2(log, block, bytes, rules, v, f);
	mem_free(bytes);
	return e;
}

/* The line before the last of a block ends with the hash of its anchor in quotes: no
 * block is read whole for it. Empty: there is none that could be a hash. */
static enum err anchor_hash_v1(
    struct l2_log *log, struct l2_block block, char ret[L2_HEX], struct fail *f)
{
	static const char end[] = "\"\n" V1_END;
	uint64_t len = 1 + (L2_HEX - 1) + sizeof end - 1;
	char *bytes, *behind;
	enum err e;

	ret[0] = '\0';
	if (block.len < len)
		return ERR_OK;
	e = log_read(log, block.offset + block.len - len, len, &bytes, f);
	if (e)
		return e;
	/* The last line of a file may lack its line feed. */
	behind = bytes + L2_HEX - (bytes[len - 1] == '\n' ? 0 : -1);
	if (behind[-L2_HEX] == '"' && memcmp(behind, end, sizeof end - 2) == 0)
		memcpy(ret, behind - L2_HEX + 1, L2_HEX - 1);
	ret[L2_HEX - 1] = '\0';
	mem_free(bytes);
	return ERR_OK;
}

enum err log_anchor_hash(
    struct l2_log *log, struct l2_block block, char ret[L2_HEX], struct fail *f)
{
	return block.record ? log_anchor_hash_v2(log, block, ret, f)
			    : anchor_hash_v1(log, block, ret, f);
}

static enum err make_anchors(struct asked *a)
{
	struct l2_log *log = a->log;
	enum err e = l2_log_survey(log, a->f);

	a->made = true;
	a->anchors = mem_array(log->blocks_n ? log->blocks_n : 1, sizeof *a->anchors);
	for (size_t i = 0; !e && i < log->blocks_n; i++) {
		struct anchor_of *one = &a->anchors[a->anchors_n];

		one->block = log->blocks[i];
		if (one->block.offset >= a->below && !MUTANT(l2_own_anchor))
			break;
		e = log_anchor_hash(log, one->block, one->hash, a->f);
		a->anchors_n++;
	}
	return e;
}

/* Does an older block have it, and hold? hurt: one that has it, and does not. */
static enum err is_in_log(
    struct asked *a, struct l2_bytes hash, bool *ret, struct l2_block *hurt)
{
	static const struct l2_rules alone = { .anchor_needed = true };
	enum err e = a->made ? ERR_OK : make_anchors(a);
	struct l2_verdict v;

	*ret = false;
	for (size_t i = a->anchors_n; !e && i-- > 0 && !*ret;) {
		struct anchor_of *one = &a->anchors[i];

		if (!l2_same(hash, l2_text(one->hash)))
			continue;
		if (!one->holds) {
			e = log_check(a->log, one->block, &alone, &v, a->f);
			one->holds = v.fault == L2_HOLDS ? 1 : -1;
		}
		*ret = !e && one->holds > 0;
		if (!*ret)
			*hurt = one->block;
	}
	return e;
}

static bool knows_anchor(void *ctx, struct l2_bytes hash)
{
	struct asked *a = ctx;
	struct l2_block hurt = { 0 };
	bool found = false;

	if (a->log && !a->e && hash.len == L2_HEX - 1)
		a->e = is_in_log(a, hash, &found, &hurt);
	found = found || (a->demand->stored && a->demand->stored(a->demand->ctx, hash));
	if (!found && !a->hurt.len)
		a->hurt = hurt;
	return found;
}

/* What lost a peg-out its anchor is damage, and is told. */
static enum err hurt_tell(struct asked *a, struct l2_verdict *v, struct fail *f)
{
	static const struct l2_rules alone = { .anchor_needed = true };
	size_t n = strlen(v->why);
	struct l2_verdict why;
	enum err e;

	if (v->fault != L2_PEGOUT_UNBACKED || !a->hurt.len || MUTANT(hurt_backing_unsaid))
		return ERR_OK;
	e = log_check(a->log, a->hurt, &alone, &why, f);
	if (e)
		return e;
	v->backing_hurt = true;
	snprintf(v->why + n, sizeof v->why - n,
	    ": the snapshot at byte %" PRIu64
	    ", which has it, does not hold: byte %" PRIu64 ": %s",
	    a->hurt.offset, a->hurt.offset + why.offset, why.why);
	return ERR_OK;
}

static void unbacked(
    void *ctx, struct l2_bytes id, struct l2_bytes has, struct l2_bytes wanted)
{
	struct asked *a = ctx;

	if (a->demand->unbacked)
		a->demand->unbacked(a->demand->ctx, id, has, wanted);
}

enum err l2_log_check(struct l2_log *log, struct l2_block block,
    const struct l2_demand *demand, struct l2_verdict *v, struct fail *f)
{
	struct asked a = { .log = log, .demand = demand, .below = block.offset, .f = f };
	struct l2_rules rules = { .anchor_needed = demand->anchor_needed,
		.strict_upstream = demand->strict_upstream,
		.knows_anchor = knows_anchor,
		.unbacked = unbacked,
		.ctx = &a };
	enum err e = log_check(log, block, &rules, v, f);

	mem_free(a.anchors);
	if (!e)
		e = a.e;
	return e ? e : hurt_tell(&a, v, f);
}

enum err l2_log_backs(struct l2_log *log, const struct l2_state *s,
    const struct l2_demand *demand, struct l2_verdict *v, struct fail *f)
{
	struct asked a = { .log = log, .demand = demand, .below = UINT64_MAX, .f = f };
	struct l2_rules rules = { .knows_anchor = knows_anchor, .ctx = &a };

	*v = (struct l2_verdict){ .fault = L2_HOLDS };
	for (size_t i = 0; i < s->pegouts_n && v->fault == L2_HOLDS; i++)
		l2_check_pegout(v, &s->pegouts[i], &s->anchor, &rules);
	mem_free(a.anchors);
	return a.e ? a.e : hurt_tell(&a, v, f);
}

/* *ret is the block if it holds. */
static enum err try_block(struct l2_log *log, struct l2_block block,
    const struct l2_demand *demand, struct l2_block *ret, struct l2_verdict *v,
    struct fail *f)
{
	enum err e = l2_log_check(log, block, demand, v, f);

	*ret = (struct l2_block){ 0 };
	if (!e && (v->fault == L2_HOLDS || MUTANT(l2_newest_unchecked)))
		*ret = block;
	return e;
}

static void damaged_tell(const struct l2_log *log, l2_failed_fn *failed, void *ctx)
{
	for (size_t i = log->damages_n; failed && i-- > 0;) {
		const struct l2_damage *d = &log->damages[i];
		struct l2_verdict v = {
			.fault = L2_MALFORMED, .offset = d->fault, .line = d->line
		};

		if (d->kind != L2_DAMAGED)
			continue;
		snprintf(v.why, sizeof v.why, "%s", d->why);
		failed(ctx,
		    (struct l2_block){
			.offset = d->offset, .len = d->len, .record = !d->line },
		    &v);
	}
}

enum err l2_log_newest(struct l2_log *log, const struct l2_demand *demand,
    struct l2_block *ret, struct l2_verdict *v, l2_failed_fn *failed, void *ctx,
    struct fail *f)
{
	struct l2_block last = log->last;
	enum err e = ERR_OK;

	*ret = (struct l2_block){ 0 };
	/* The last record of version 2 is known without a look at the others. */
	if (last.len) {
		e = try_block(log, last, demand, ret, v, f);
		if (!e && !ret->len && failed)
			failed(ctx, last, v);
	}
	if (!e && !ret->len)
		e = l2_log_survey(log, f);
	/* Behind a last record that fills the log there is nothing. */
	if (!e && !last.len)
		damaged_tell(log, failed, ctx);
	for (size_t i = log->blocks_n; !e && !ret->len && i-- > 0;) {
		struct l2_block block = log->blocks[i];

		if (last.len && block.offset == last.offset)
			continue;
		e = try_block(log, block, demand, ret, v, f);
		if (!e && !ret->len && failed)
			failed(ctx, block, v);
	}
	return e;
}

enum err l2_log_load(
    struct l2_log *log, struct l2_block block, struct l2_state *s, struct fail *f)
{
	char *bytes;
	enum err e = log_read(log, block.offset, block.len, &bytes, f);

	if (e)
		return e;
	e = block.record ? v2_load(s, bytes, block.len, f)
			 : v1_load(s, bytes, block.len, f);
	mem_free(bytes);
	return e
	    ? fail_wrap(f, e, "%s: the block at byte %" PRIu64, log->path, block.offset)
	    : ERR_OK;
}
