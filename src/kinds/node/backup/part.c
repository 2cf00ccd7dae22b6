#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "kinds/node/backup/inside.h"

#define PIECE ((size_t)1 << 20)

enum err part_begin(
    struct part *p, const struct files *files, const char *name, struct fail *f)
{
	enum err e;

	*p = (struct part){ .files = files, .sum = sha256_begin() };
	e = backup_path(p->name, "", name, f);
	snprintf(p->path, sizeof p->path, "%.1000s.part", name);
	if (e == ERR_OK)
		e = files->open(&p->file, p->path, FILE_WRITE, f);
	if (e == ERR_OK)
		e = files->own(p->file, f);
	if (e == ERR_OK)
		e = files->cut(p->file, 0, f);
	return e;
}

enum err part_add(struct part *p, const void *bytes, size_t len, struct fail *f)
{
	enum err e = p->files->write(p->file, p->size, bytes, len, f);

	p->size += len;
	sha256_add(p->sum, bytes, len);
	return e;
}

enum err part_keep(struct part *p, enum err e, char sum[SUM_TEXT], struct fail *f)
{
	uint8_t raw[32];

	sha256_end(p->sum, raw);
	hex_format(sum, raw, sizeof raw);
	if (e == ERR_OK)
		e = p->files->sync(p->file, f);
	if (e != ERR_OK && p->file && e != ERR_OWNED)
		(void)!p->files->remove(p->path, NULL);
	p->files->close(p->file);
	p->file = NULL;
	return e;
}

enum err part_settle(struct part *p, enum err e, struct fail *f)
{
	if (e == ERR_OK)
		return p->files->rename(p->path, p->name, f);
	(void)!p->files->remove(p->path, NULL);
	return e;
}

enum err part_end(struct part *p, enum err e, char sum[SUM_TEXT], struct fail *f)
{
	e = part_keep(p, e, sum, f);
	return e == ERR_OK ? p->files->rename(p->path, p->name, f) : e;
}

/* -- files ----------------------------------------------------------------- */

typedef enum err piece_fn(void *ctx, const void *bytes, size_t len, struct fail *f);

static enum err pieces(const struct files *files, const char *path, uint64_t len,
    piece_fn *each, void *ctx, struct fail *f)
{
	char *bytes = mem_array(PIECE, 1);
	struct file *file = NULL;
	uint64_t at = 0;
	size_t n;
	enum err e = files->open(&file, path, FILE_READ, f);

	while (e == ERR_OK && at < len) {
		size_t want = len - at < PIECE ? (size_t)(len - at) : PIECE;

		files->soon(file, at, 4 * PIECE);
		e = files->read(file, at, bytes, want, &n, f);
		if (e == ERR_OK && n < want && len != UINT64_MAX)
			e = fail_set(
			    f, ERR_STALE, "%s: became shorter while it was read", path);
		if (e == ERR_OK)
			e = each(ctx, bytes, n, f);
		at += n;
		if (n < want)
			break;
	}
	files->close(file);
	mem_free(bytes);
	return e;
}

static enum err to_part(void *ctx, const void *bytes, size_t len, struct fail *f)
{
	return part_add(ctx, bytes, len, f);
}

enum err part_copy(struct part *p, const char *from, uint64_t len, struct fail *f)
{
	return pieces(p->files, from, len, to_part, p, f);
}

struct summing {
	struct sha256 *sum;
	uint64_t len;
};

static enum err to_sum(void *ctx, const void *bytes, size_t len, struct fail *f)
{
	struct summing *s = ctx;

	(void)f;
	sha256_add(s->sum, bytes, len);
	s->len += len;
	return ERR_OK;
}

enum err file_sum(const struct files *files, const char *path, char sum[SUM_TEXT],
    uint64_t *ret_len, struct fail *f)
{
	struct summing s = { sha256_begin(), 0 };
	uint8_t raw[32];
	enum err e = pieces(files, path, UINT64_MAX, to_sum, &s, f);

	sha256_end(s.sum, raw);
	hex_format(sum, raw, sizeof raw);
	*ret_len = s.len;
	return e;
}
