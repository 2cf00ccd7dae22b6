#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"

enum err log_write_block(const struct files *files, struct file *file, const void *block,
    size_t len, size_t last, struct fail *f)
{
	const char *bytes = block;
	uint64_t size;
	enum err e = files->size(file, &size, f);

	if (MUTANT(l2_end_unsynced))
		last = 0;
	if (!e)
		e = files->write(file, size, bytes, len - last, f);
	if (!e)
		e = files->sync(file, f);
	if (!e && last)
		e = files->write(file, size + len - last, bytes + len - last, last, f);
	if (!e && last)
		e = files->sync(file, f);
	return e;
}

/* A text that a power cut left may end anywhere: its line is ended. */
static enum err fence(
    const struct files *files, struct file *file, struct buf *b, struct fail *f)
{
	uint64_t size;
	size_t n = 0;
	char byte = '\n';
	enum err e = files->size(file, &size, f);

	if (!e && size)
		e = files->read(file, size - 1, &byte, 1, &n, f);
	if (!e && byte != '\n' && !MUTANT(l2_tail_not_fenced))
		buf_add_byte(b, '\n');
	return e;
}

/* The newest whole record of an open file; number 0: there is none. */
static enum err last_place(const struct files *files, struct file *file,
    struct v2_place *ret, uint64_t *ret_size, struct fail *f)
{
	struct l2_log log = { .files = files, .file = file, .version = 2 };
	struct l2_block last;
	struct v2_foot foot = { 0 };
	struct v2_head head = { 0 };
	char bytes[V2_HEAD];
	size_t n;
	enum err e = files->size(file, &log.size, f);

	*ret = (struct v2_place){ 0 };
	*ret_size = log.size;
	if (!e)
		e = l2_log_survey(&log, f);
	if (!e && log.blocks_n) {
		last = log.blocks[log.blocks_n - 1];
		e = files->read(file, last.offset, bytes, V2_HEAD, &n, f);
		if (!e && v2_head_parse(&head, bytes, n))
			e = files->read(file, last.offset + last.len - V2_FOOT, bytes,
			    V2_FOOT, &n, f);
		if (!e && v2_foot_parse(&foot, bytes, n)) {
			*ret = (struct v2_place){ last.offset, head.number, { 0 } };
			memcpy(ret->hash, foot.hash, 32);
		}
	}
	mem_free(log.blocks);
	mem_free(log.damages);
	return e;
}

enum err log_format(const struct files *files, struct file *file, int version,
    bool compress, const struct l2_state *s, const char *root, struct buf *b,
    size_t *ret_last, struct fail *f)
{
	struct v2_place after;
	uint64_t size;
	enum err e;

	if (version != 2) {
		e = fence(files, file, b, f);
		if (!e)
			v1_format(b, s);
		*ret_last = sizeof V1_END - 1;
		return e;
	}
	e = last_place(files, file, &after, &size, f);
	if (!e)
		v2_format(b, s, root, compress, size, after.number ? &after : NULL);
	*ret_last = V2_FOOT;
	return e;
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
	struct buf b;
	int version;
	size_t last;
	enum err e = files->own(file, f);

	if (!e)
		e = log_version(files, file, &version, f);
	if (e)
		return e;
	buf_init(&b, SIZE_MAX / 2);
	e = log_format(files, file, version ? version : how->version, how->compress, s,
	    root, &b, &last, f);
	if (!e)
		e = log_write_block(files, file, b.data, b.len, last, f);
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
