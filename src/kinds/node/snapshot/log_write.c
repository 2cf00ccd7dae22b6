#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/root.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"

/* The processor still has what it made of a piece when that is written. */
#define PIECE ((size_t)1 << 19)

/* What goes to the log, piece by piece, from a place on. */
struct writer {
	const struct files *files;
	struct file *file;
	struct root_ahead *root; /* of the state that is written */
	uint64_t at;
	struct buf b; /* of it what is not written yet */
	struct fail *f;
	enum err e;
};

/* The disk may begin with a piece while the next one is made. */
static void pour(struct writer *w, size_t least)
{
	if (w->e || w->b.len < least || !w->b.len)
		return;
	w->e = w->files->write(w->file, w->at, w->b.data, w->b.len, w->f);
	if (!w->e)
		w->files->start(w->file, w->at, w->b.len);
	w->at += w->b.len;
	buf_clear(&w->b);
}

static void sync_it(struct writer *w)
{
	pour(w, 0);
	if (!w->e)
		w->e = w->files->sync(w->file, w->f);
}

/* What may not be on the medium before all that is written so far. */
static void close_block(struct writer *w, const void *last, size_t len)
{
	if (!MUTANT(l2_end_unsynced))
		sync_it(w);
	buf_add(&w->b, last, len);
	sync_it(w);
}

static uint64_t sector_end(uint64_t at)
{
	return (at + L2_SECTOR - 1) / L2_SECTOR * L2_SECTOR;
}

/* A line of n bytes in which nobody reads anything. */
static void add_fill(struct buf *b, uint64_t n)
{
	if (!n)
		return;
	while (--n)
		buf_add_byte(b, ' ');
	buf_add_byte(b, '\n');
}

/* No sector is written to that another snapshot has a part of: a power cut may spoil a
 * sector whole. Between the end of the file and the next sector zeros are read then, and
 * one line feed ends their line. Where the file ends in an END_SNAPSHOT without its line
 * feed, that line is ended first. */
static void find_place(struct writer *w)
{
	enum { END = sizeof V1_END - 2 };
	char tail[END] = { 0 };
	uint64_t size;
	size_t n = 0;

	w->e = w->files->size(w->file, &size, w->f);
	if (w->e || !size)
		return;
	w->at = sector_end(size);
	w->e = w->files->read(w->file, size < END ? 0 : size - END, tail,
	    size < END ? (size_t)size : END, &n, w->f);
	if (w->e)
		return;
	if (MUTANT(l2_tail_not_fenced)) {
		w->at = size;
	} else if (n == END && memcmp(tail, V1_END, END) == 0) {
		w->at = size;
		add_fill(&w->b, 1);
		add_fill(&w->b, sector_end(size + 1) - size - 1);
	} else if (size % L2_SECTOR || !n || tail[n - 1] != '\n') {
		add_fill(&w->b, 1);
	}
}

static void stream(struct writer *w, const struct l2_state *s)
{
	v1_format_head(&w->b, s);
	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		size_t n = l2_state_n(s, list), size = l2_kinds[list].size;
		const char *record = l2_state_at(s, list, 0);

		v1_format_list(&w->b, s, list);
		for (size_t i = 0; i < n; i++) {
			v1_format_record(&w->b, list, record + i * size);
			pour(w, PIECE);
		}
	}
}

static void set_anchor(struct writer *w, struct l2_state *s, const struct l2_append *how)
{
	char root[L2_HEX];

	root_ahead_get(w->root, root);
	if (!w->e && how->anchor)
		w->e = l2_state_anchor(s, root, how->anchored_ms, how->metadata, w->f);
}

static void append_text(struct writer *w, struct l2_state *s, const struct l2_append *how)
{
	struct buf last;
	uint64_t end;

	find_place(w);
	stream(w, s);
	set_anchor(w, s, how);
	v1_format_anchor(&w->b, s);
	buf_init(&last, SIZE_MAX / 2);
	buf_add_str(&last, V1_END);
	end = w->at + w->b.len + last.len;
	add_fill(&last, sector_end(end) - end);
	close_block(w, last.data, last.len);
	buf_release(&last);
}

/* The newest whole record of a log; number 0: there is none. */
static enum err newest_record(struct l2_log *log, struct v2_place *ret, struct fail *f)
{
	struct l2_block last;
	struct v2_foot foot;
	struct v2_head head;
	char bytes[V2_HEAD];
	size_t n;
	enum err e = log_last_v2(log, f);

	last = log->last;
	if (!e && !last.len) {
		e = l2_log_survey(log, f);
		for (size_t i = 0; i < log->blocks_n; i++)
			if (log->blocks[i].record)
				last = log->blocks[i];
	}
	if (e || !last.len)
		return e;
	e = log->files->read(log->file, last.offset, bytes, V2_HEAD, &n, f);
	if (e || !v2_head_parse(&head, bytes, n))
		return e;
	e = log->files->read(
	    log->file, last.offset + last.len - V2_FOOT, bytes, V2_FOOT, &n, f);
	if (e || !v2_foot_parse(&foot, bytes, n))
		return e;
	*ret = (struct v2_place){ last.offset, head.number, { 0 } };
	memcpy(ret->hash, foot.hash, 32);
	return ERR_OK;
}

static void append_record(
    struct writer *w, struct l2_state *s, const struct l2_append *how)
{
	struct l2_log log = { .files = w->files, .file = w->file, .version = 2 };
	struct v2_place after = { 0 };
	char root[L2_HEX];
	struct buf b;

	w->e = w->files->size(w->file, &log.size, w->f);
	if (!w->e)
		w->e = newest_record(&log, &after, w->f);
	mem_free(log.blocks);
	mem_free(log.damages);
	set_anchor(w, s, how);
	if (w->e)
		return;
	root_ahead_get(w->root, root);
	w->at = sector_end(log.size);
	/* Behind anything but a record it begins a line (log_quoted.c). */
	if (log.size && !log.last.len && !MUTANT(l2_record_not_fenced))
		add_fill(&w->b, L2_SECTOR);
	buf_init(&b, SIZE_MAX / 2);
	v2_format(
	    &b, s, root, how->compress, w->at + w->b.len, after.number ? &after : NULL);
	buf_add(&w->b, b.data, b.len - V2_FOOT);
	close_block(w, b.data + b.len - V2_FOOT, V2_FOOT);
	buf_release(&b);
}

/* The anchor of a state that is written holds, or there is none. */
static enum err check_own_anchor(
    const struct l2_state *s, const char root[L2_HEX], struct fail *f)
{
	static const struct l2_rules alone = { 0 };
	struct l2_verdict v = { 0 };

	memcpy(v.root, root, L2_HEX);
	l2_check_anchor(&v, &s->anchor, &alone);
	return v.fault ? fail_set(f, ERR_INPUT, "the state is not written: %s", v.why)
		       : ERR_OK;
}

static enum err append_to(
    struct writer *w, struct l2_state *s, const struct l2_append *how, const char *path)
{
	int version;

	w->e = w->files->own(w->file, w->f);
	if (!w->e)
		w->e = log_version(w->files, w->file, &version, w->f);
	if (w->e)
		return w->e;
	buf_init(&w->b, SIZE_MAX / 2);
	if ((version ? version : how->version) == 2)
		append_record(w, s, how);
	else
		append_text(w, s, how);
	buf_release(&w->b);
	if (!w->e && !version)
		w->e = w->files->sync_folder(path, w->f);
	return w->e;
}

/* All that can be refused is, before a byte is written. */
static enum err may_append(
    struct writer *w, struct l2_state *s, const struct l2_append *how)
{
	char root[L2_HEX] = { 0 };

	/* Is its metadata one line? The root is set when it is known. */
	if (how->anchor)
		return l2_state_anchor(s, root, how->anchored_ms, how->metadata, w->f);
	root_ahead_get(w->root, root);
	return check_own_anchor(s, root, w->f);
}

enum err l2_log_append(const struct files *files, const char *path, struct l2_state *s,
    const struct l2_append *how, struct fail *f)
{
	struct writer w = { .files = files, .f = f };
	enum err e = ERR_OK;

	/* Most are ready; the root of one that is not is nobody's. */
	w.root = root_ahead_begin(s);
	if (!l2_state_is_ready(s)) {
		root_ahead_free(w.root);
		e = l2_state_check(s, f);
		if (e)
			return e;
		l2_state_sort(s);
		w.root = root_ahead_begin(s);
	}
	e = may_append(&w, s, how);
	if (!e)
		e = files->open(&w.file, path, FILE_WRITE, f);
	if (!e) {
		e = append_to(&w, s, how, path);
		files->close(w.file);
	}
	root_ahead_free(w.root);
	return e;
}
