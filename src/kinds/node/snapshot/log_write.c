#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"

/* Where the next block is written, with what ends the line before it. */
struct place {
	uint64_t offset;
};

static enum err write_block(const struct files *files, struct file *file,
    const struct place *place, const struct buf *b, size_t last, struct fail *f)
{
	const char *bytes = (const char *)b->data;
	size_t first = b->len - last;
	enum err e;

	if (MUTANT(l2_end_unsynced))
		first = b->len;
	e = files->write(file, place->offset, bytes, first, f);
	if (!e)
		e = files->sync(file, f);
	if (!e && first < b->len)
		e = files->write(
		    file, place->offset + first, bytes + first, b->len - first, f);
	if (!e && first < b->len)
		e = files->sync(file, f);
	return e;
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
static enum err find_place(const struct files *files, struct file *file,
    struct place *ret, struct buf *b, struct fail *f)
{
	enum { END = sizeof V1_END - 2 };
	char tail[END] = { 0 };
	uint64_t size;
	size_t n = 0;
	enum err e = files->size(file, &size, f);

	*ret = (struct place){ .offset = sector_end(size) };
	if (e || !size)
		return e;
	e = files->read(file, size < END ? 0 : size - END, tail,
	    size < END ? (size_t)size : END, &n, f);
	if (MUTANT(l2_tail_not_fenced)) {
		ret->offset = size;
		return e;
	}
	if (!e && n == END && memcmp(tail, V1_END, END) == 0) {
		ret->offset = size;
		add_fill(b, 1);
		add_fill(b, sector_end(size + 1) - size - 1);
	} else if (!e && (size % L2_SECTOR || tail[n - 1] != '\n')) {
		add_fill(b, 1);
	}
	return e;
}

/* The newest whole record of a log; number 0: there is none. */
static enum err newest_record(struct l2_log *log, struct v2_place *ret, struct fail *f)
{
	struct l2_block last;
	struct v2_foot foot;
	struct v2_head head;
	char bytes[V2_HEAD];
	size_t n;
	enum err e = l2_log_survey(log, f);

	if (e || !log->blocks_n)
		return e;
	last = log->blocks[log->blocks_n - 1];
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

static enum err find_record_place(const struct files *files, struct file *file,
    struct place *ret, struct v2_place *after, struct fail *f)
{
	struct l2_log log = { .files = files, .file = file, .version = 2 };
	enum err e = files->size(file, &log.size, f);

	*ret = (struct place){ .offset = sector_end(log.size) };
	*after = (struct v2_place){ 0 };
	if (!e)
		e = newest_record(&log, after, f);
	mem_free(log.blocks);
	mem_free(log.damages);
	return e;
}

/* What is to be written, and where; the last bytes of it wait for the others. */
static enum err prepare(const struct files *files, struct file *file, int version,
    bool compress, const struct l2_state *s, const char *root, struct place *place,
    struct buf *b, size_t *ret_last, struct fail *f)
{
	struct v2_place after;
	uint64_t end;
	size_t start;
	enum err e;

	if (version == 2) {
		e = find_record_place(files, file, place, &after, f);
		if (!e)
			v2_format(b, s, root, compress, place->offset,
			    after.number ? &after : NULL);
		*ret_last = V2_FOOT;
		return e;
	}
	e = find_place(files, file, place, b, f);
	if (e)
		return e;
	v1_format(b, s);
	start = b->len - (sizeof V1_END - 1);
	end = place->offset + b->len;
	add_fill(b, sector_end(end) - end);
	*ret_last = b->len - start;
	return ERR_OK;
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

static enum err append_to(const struct files *files, struct file *file,
    const struct l2_state *s, const struct l2_append *how, const char *root,
    const char *path, struct fail *f)
{
	struct place place;
	struct buf b;
	int version;
	size_t last;
	enum err e = files->own(file, f);

	if (!e)
		e = log_version(files, file, &version, f);
	if (e)
		return e;
	buf_init(&b, SIZE_MAX / 2);
	e = prepare(files, file, version ? version : how->version, how->compress, s, root,
	    &place, &b, &last, f);
	if (!e)
		e = write_block(files, file, &place, &b, last, f);
	if (!e && !version)
		e = files->sync_folder(path, f);
	buf_release(&b);
	return e;
}

enum err l2_log_append(const struct files *files, const char *path, struct l2_state *s,
    const struct l2_append *how, struct fail *f)
{
	struct file *file;
	char root[L2_HEX];
	enum err e;

	l2_state_sort(s);
	e = l2_state_check(s, f);
	if (e)
		return e;
	l2_state_root(s, root);
	e = check_own_anchor(s, root, f);
	if (!e)
		e = files->open(&file, path, FILE_WRITE, f);
	if (e)
		return e;
	e = append_to(files, file, s, how, root, path, f);
	files->close(file);
	return e;
}
