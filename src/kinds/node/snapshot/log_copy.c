/* Other files made of a log: pruned, taken apart, of another version. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"

/* A file that gets its name when it is whole. */
struct copy {
	const struct files *files;
	struct file *file;
	char *part;
	const char *name;
	uint64_t size;
	struct v2_place last; /* number 0: none yet */
};

static enum err copy_begin(
    struct copy *c, const struct files *files, const char *name, struct fail *f)
{
	size_t len = strlen(name) + sizeof ".part";
	enum err e;

	*c = (struct copy){ .files = files, .name = name };
	c->part = mem_array(len, 1);
	snprintf(c->part, len, "%s.part", name);
	/* Nobody else may be at the same copy: its file is emptied when it is ours. */
	e = files->open(&c->file, c->part, FILE_WRITE, f);
	if (!e)
		e = files->own(c->file, f);
	if (!e)
		e = files->cut(c->file, 0, f);
	return e;
}

static enum err copy_add(struct copy *c, const void *bytes, size_t len, struct fail *f)
{
	enum err e = c->files->write(c->file, c->size, bytes, len, f);

	c->size += len;
	return e;
}

/* e: how the copying went; the copy stays only if that is well. */
static enum err copy_end(struct copy *c, enum err e, struct fail *f)
{
	if (!e)
		e = c->files->sync(c->file, f);
	if (!e)
		e = c->files->rename(c->part, c->name, f);
	if (!e)
		e = c->files->sync_folder(c->name, f);
	else if (c->file && e != ERR_OWNED)
		(void)!c->files->remove(c->part, NULL);
	c->files->close(c->file);
	mem_free(c->part);
	return e;
}

static enum err refuse_same(const char *path, const char *output, struct fail *f)
{
	return strcmp(path, output) == 0
	    ? fail_set(f, ERR_USAGE, "%s: is the log itself; name another file", output)
	    : ERR_OK;
}

/* A record as it stands, or behind another one than before. */
static enum err copy_block(
    struct copy *c, struct l2_log *log, struct l2_block block, struct fail *f)
{
	struct v2_foot foot;
	struct v2_head head;
	struct buf b;
	char *bytes;
	enum err e = log_read(log, block.offset, block.len, &bytes, f);

	if (e)
		return e;
	buf_init(&b, SIZE_MAX / 2);
	if (block.record) {
		if (!v2_head_parse(&head, bytes, block.len) ||
		    block.len < V2_HEAD + V2_FOOT)
			e = fail_set(f, ERR_STALE, "%s: became another while it was read",
			    log->path);
		if (!e) {
			v2_move(&b, bytes, block.len, c->size,
			    c->last.number ? &c->last : NULL);
			CHECK(v2_foot_parse(
			    &foot, (char *)b.data + b.len - V2_FOOT, V2_FOOT));
			c->last = (struct v2_place){ c->size, c->last.number + 1, { 0 } };
			memcpy(c->last.hash, foot.hash, 32);
		}
	} else {
		buf_add(&b, bytes, block.len);
		/* The last one of a file may lack its line feed. */
		if (bytes[block.len - 1] != '\n')
			buf_add_byte(&b, '\n');
	}
	if (!e)
		e = copy_add(c, b.data, b.len, f);
	buf_release(&b);
	mem_free(bytes);
	return e;
}

/* That it was copied, and does not hold by itself. */
static enum err kept_tell(struct l2_log *log, struct l2_block block,
    const struct l2_copy_tell *tell, struct fail *f)
{
	struct l2_verdict v;
	enum err e;

	if (!tell || !tell->kept)
		return ERR_OK;
	e = log_check(log, block, &(struct l2_rules){ 0 }, &v, f);
	if (!e && v.fault != L2_HOLDS && !MUTANT(unheld_copied_unsaid))
		tell->kept(tell->ctx, block, &v);
	return e;
}

/* -- pruned ------------------------------------------------------------------------- */

static size_t place_of(const struct l2_log *log, struct l2_block block)
{
	size_t i = 0;

	while (i < log->blocks_n && log->blocks[i].offset != block.offset)
		i++;
	return i;
}

/* Which older blocks are needed: marks of them. */
struct needed {
	struct l2_log *log;
	bool *keep;
	struct fail *f;
	enum err e;
};

static bool note_needed(void *ctx, struct l2_bytes hash)
{
	struct needed *n = ctx;
	char has[L2_HEX];

	for (size_t i = 0; i < n->log->blocks_n && !n->e; i++) {
		n->e = log_anchor_hash(n->log, n->log->blocks[i], has, n->f);
		if (!n->e && l2_same(hash, l2_text(has)))
			n->keep[i] = true;
	}
	return true;
}

/* One, and what its peg-outs stand on. */
static enum err mark_one(
    struct l2_log *log, struct l2_block block, bool *keep, struct fail *f)
{
	struct needed n = { log, keep, f, ERR_OK };
	struct l2_rules rules = { .knows_anchor = note_needed, .ctx = &n };
	struct l2_verdict v;
	enum err e;

	if (!block.len)
		return ERR_OK;
	keep[place_of(log, block)] = true;
	e = log_check(log, block, &rules, &v, f);
	return e ? e : n.e;
}

/* The newest valid one by this log alone; and the newest whole one, whose peg-outs may
 * stand on what the store of anchors has. */
static enum err mark_needed(struct l2_log *log, bool *keep, struct fail *f)
{
	static const struct l2_demand demand = { 0 };
	struct l2_verdict v;
	struct l2_block newest, whole = { 0 };
	enum err e = l2_log_newest(log, &demand, &newest, &v, NULL, NULL, f);

	for (size_t i = log->blocks_n; !e && !whole.len && i-- > 0;) {
		e = log_check(log, log->blocks[i], &(struct l2_rules){ 0 }, &v, f);
		if (!e && v.fault == L2_HOLDS)
			whole = log->blocks[i];
	}
	if (!e)
		e = mark_one(log, newest, keep, f);
	if (!e && whole.offset != newest.offset && !MUTANT(prune_asks_no_store))
		e = mark_one(log, whole, keep, f);
	return e;
}

static enum err prune_to(struct copy *c, struct l2_log *log, const bool *keep_it,
    size_t keep, struct l2_pruned *ret, const struct l2_copy_tell *tell, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < log->blocks_n; i++) {
		bool newest = log->blocks_n - i <= keep;

		if (!newest && !keep_it[i])
			continue;
		e = copy_block(c, log, log->blocks[i], f);
		if (!e)
			e = kept_tell(log, log->blocks[i], tell, f);
		ret->kept++;
		ret->needed += !newest;
	}
	ret->kept_bytes = c->size;
	return e;
}

enum err l2_log_prune(const struct files *files, const char *path, size_t keep,
    const char *output, struct l2_pruned *ret, const struct l2_copy_tell *tell,
    struct fail *f)
{
	struct l2_log *log;
	struct copy c;
	bool *keep_it;
	enum err e = refuse_same(path, output, f);

	*ret = (struct l2_pruned){ 0 };
	if (!e)
		e = l2_log_open(&log, files, path, f);
	if (e)
		return e;
	e = l2_log_survey(log, f);
	ret->blocks = log->blocks_n;
	ret->bytes = log->size;
	keep_it = mem_array(log->blocks_n ? log->blocks_n : 1, sizeof *keep_it);
	if (!e)
		e = mark_needed(log, keep_it, f);
	if (!e) {
		e = copy_begin(&c, files, output, f);
		if (!e)
			e = prune_to(&c, log, keep_it, keep, ret, tell, f);
		e = copy_end(&c, e, f);
	}
	mem_free(keep_it);
	l2_log_close(log);
	return e;
}

/* -- taken apart ----------------------------------------------------------------------
 */

/* As text, whatever the log is. */
static enum err text_of(
    struct l2_log *log, struct l2_block block, struct buf *b, struct fail *f)
{
	struct l2_state s;
	char *bytes;
	enum err e;

	if (block.record) {
		l2_state_init(&s);
		e = l2_log_load(log, block, &s, f);
		if (!e)
			v1_format(b, &s);
		l2_state_release(&s);
		return e;
	}
	e = log_read(log, block.offset, block.len, &bytes, f);
	if (e)
		return e;
	buf_add(b, bytes, block.len);
	mem_free(bytes);
	return ERR_OK;
}

static enum err extract_one(
    struct l2_log *log, const char *folder, size_t i, struct fail *f)
{
	size_t len = strlen(folder) + 48;
	char *name = mem_array(len, 1);
	struct copy c;
	struct buf b;
	enum err e;

	snprintf(name, len, "%s%ssnapshot_%zu.dat", folder,
	    *folder && folder[strlen(folder) - 1] == '/' ? "" : "/", i + 1);
	buf_init(&b, SIZE_MAX / 2);
	e = text_of(log, log->blocks[i], &b, f);
	if (!e) {
		e = copy_begin(&c, log->files, name, f);
		if (!e)
			e = copy_add(&c, b.data, b.len, f);
		e = copy_end(&c, e, f);
	}
	buf_release(&b);
	mem_free(name);
	return e;
}

enum err l2_log_extract(const struct files *files, const char *path, const char *folder,
    size_t *ret_n, const struct l2_copy_tell *tell, struct fail *f)
{
	struct l2_log *log;
	enum err e = l2_log_open(&log, files, path, f);

	*ret_n = 0;
	if (e)
		return e;
	e = l2_log_survey(log, f);
	for (size_t i = 0; !e && i < log->blocks_n; i++) {
		e = extract_one(log, folder, i, f);
		if (e == ERR_INPUT) {
			struct l2_verdict v;

			e = log_check(
			    log, log->blocks[i], &(struct l2_rules){ 0 }, &v, f);
			if (!e && tell && tell->left)
				tell->left(tell->ctx, log->blocks[i], &v);
			continue;
		}
		if (!e)
			e = kept_tell(log, log->blocks[i], tell, f);
		*ret_n += e == ERR_OK;
	}
	l2_log_close(log);
	return e;
}

/* -- of another version -----------------------------------------------------------------
 */

/* Its values are those that were read, or it is not written. */
static void check_same(const struct buf *b, size_t from, int version, const char *root)
{
	static const struct l2_rules alone = { 0 };
	struct l2_verdict v;
	const char *bytes = (const char *)b->data + from;

	if (version == 2)
		v2_check(&v, bytes, b->len - from, NULL, &alone);
	else
		v1_check(&v, bytes, b->len - from, &alone);
	CHECK(strcmp(v.root, root) == 0);
}

static enum err convert_one(struct copy *c, struct l2_log *log, struct l2_block block,
    const struct l2_append *how, const char *root, struct fail *f)
{
	struct l2_state s;
	struct v2_foot foot;
	struct buf b;
	enum err e;

	l2_state_init(&s);
	buf_init(&b, SIZE_MAX / 2);
	e = l2_log_load(log, block, &s, f);
	if (!e) {
		bool first = !c->last.number || MUTANT(converted_unchained);

		l2_state_sort(&s);
		if (MUTANT(convert_drops_anchor))
			s.anchor = (struct l2_anchor){ .there = false };
		if (how->version == 2) {
			v2_format(&b, &s, root, how->compress, c->size,
			    first ? NULL : &c->last);
			CHECK(v2_foot_parse(
			    &foot, (char *)b.data + b.len - V2_FOOT, V2_FOOT));
			c->last = (struct v2_place){ c->size, c->last.number + 1, { 0 } };
			memcpy(c->last.hash, foot.hash, 32);
		} else {
			v1_format(&b, &s);
		}
		check_same(&b, 0, how->version, root);
		e = copy_add(c, b.data, b.len, f);
	}
	buf_release(&b);
	l2_state_release(&s);
	return e;
}

static enum err convert_to(struct copy *c, struct l2_log *log,
    const struct l2_append *how, size_t *ret_n, const struct l2_copy_tell *tell,
    struct fail *f)
{
	static const struct l2_rules alone = { 0 };
	struct l2_verdict v;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < log->blocks_n; i++) {
		struct l2_block block = log->blocks[i];

		e = log_check(log, block, &alone, &v, f);
		if (!e && v.fault == L2_MALFORMED) {
			if (tell && tell->left)
				tell->left(tell->ctx, block, &v);
			continue;
		}
		if (!e && tell && tell->kept && (v.ambiguous || v.fault != L2_HOLDS))
			tell->kept(tell->ctx, block, &v);
		if (!e)
			e = convert_one(c, log, block, how, v.root, f);
		*ret_n += e == ERR_OK;
	}
	return e;
}

enum err l2_log_convert(const struct files *files, const char *path, const char *output,
    const struct l2_append *how, size_t *ret_n, const struct l2_copy_tell *tell,
    struct fail *f)
{
	struct l2_log *log;
	struct copy c;
	enum err e = refuse_same(path, output, f);

	*ret_n = 0;
	if (!e)
		e = l2_log_open(&log, files, path, f);
	if (e)
		return e;
	e = l2_log_survey(log, f);
	if (!e) {
		e = copy_begin(&c, files, output, f);
		if (!e)
			e = convert_to(&c, log, how, ret_n, tell, f);
		e = copy_end(&c, e, f);
	}
	l2_log_close(log);
	return e;
}
