#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "kinds/node/backup/inside.h"

#define PIECE ((size_t)256 * 1024)
#define MEMBERS_MAX 200000
#define MEMBER_NAME_MAX 100

/* What RocksDB makes anew: its words, and the file that is locked. */
static bool is_left_out(const char *name)
{
	return !strncmp(name, "LOG", 3) || !strcmp(name, "LOCK");
}

static bool is_member_name(const char *name)
{
	size_t n = strspn(
	    name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n && n <= MEMBER_NAME_MAX && !name[n] && name[0] != '.';
}

/* -- packing --------------------------------------------------------------- */

struct packing {
	struct part *to;
	struct archive *a;
	struct sha256 *sum; /* over names and bytes of all members */
	const char *folder, *name;
	char **names;
	size_t names_n;
	enum err e; /* what it failed of: no more is written */
	struct fail *f;
};

static la_ssize_t packed(struct archive *a, void *ctx, const void *bytes, size_t len)
{
	struct packing *p = ctx;

	if (p->e != ERR_OK)
		return (la_ssize_t)len;
	p->e = part_add(p->to, bytes, len, p->f);
	if (p->e == ERR_OK)
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "it could not be written");
	return -1;
}

static enum err pack_failed(struct packing *p, const char *what)
{
	const char *why = archive_error_string(p->a);

	if (p->e != ERR_OK)
		return p->e;
	return fail_set(p->f, ERR_SYSTEM, "%s: %s: %s", p->to->name, what,
	    why ? why : "it could not be packed");
}

static void name_add(void *ctx, const char *name)
{
	struct packing *p = ctx;

	if (is_left_out(name))
		return;
	p->names = mem_grow(p->names, p->names_n + 1, sizeof *p->names);
	p->names[p->names_n++] = mem_str(name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err head_write(
    struct packing *p, const char *member, unsigned type, uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();
	char path[256];
	int got;

	snprintf(path, sizeof path, "%s/%s", p->name, member);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, type == AE_IFDIR ? 0700 : 0600);
	archive_entry_set_size(entry, (la_int64_t)size);
	got = archive_write_header(p->a, entry);
	archive_entry_free(entry);
	return got == ARCHIVE_OK ? ERR_OK : pack_failed(p, path);
}

static enum err bytes_write(
    struct packing *p, const char *path, struct file *file, uint64_t size)
{
	char *bytes = mem_array(PIECE, 1);
	enum err e = ERR_OK;

	for (uint64_t at = 0; e == ERR_OK && at < size;) {
		size_t want = size - at < PIECE ? (size_t)(size - at) : PIECE, n;

		e = files_of_system.read(file, at, bytes, want, &n, p->f);
		if (e == ERR_OK && n < want)
			e = fail_set(p->f, ERR_STALE, "%s: became shorter", path);
		if (e == ERR_OK && archive_write_data(p->a, bytes, n) != (la_ssize_t)n)
			e = pack_failed(p, path);
		sha256_add(p->sum, bytes, e == ERR_OK ? n : 0);
		at += n;
	}
	mem_free(bytes);
	return e;
}

static enum err member_pack(struct packing *p, const char *member)
{
	char path[BACKUP_PATH_MAX];
	struct file *file = NULL;
	uint64_t size;
	enum err e = backup_path(path, p->folder, member, p->f);

	if (e == ERR_OK && !is_member_name(member))
		e = fail_set(p->f, ERR_INPUT, "%s: is no file of a reorg database", path);
	if (e == ERR_OK)
		e = files_of_system.open(&file, path, FILE_READ, p->f);
	if (e == ERR_OK)
		e = files_of_system.size(file, &size, p->f);
	if (e == ERR_OK)
		e = head_write(p, member, AE_IFREG, size);
	sha256_add(p->sum, member, strlen(member) + 1);
	if (e == ERR_OK)
		e = bytes_write(p, path, file, size);
	files_of_system.close(file);
	return e;
}

/* Only a close frees what its filters hold; that writes to nowhere. */
static enum err give_up(struct packing *p, enum err e)
{
	p->e = e;
	archive_write_fail(p->a);
	(void)archive_write_close(p->a);
	return e;
}

static enum err all_pack(struct packing *p)
{
	enum err e;

	archive_write_add_filter_gzip(p->a);
	archive_write_set_format_pax_restricted(p->a);
	archive_write_set_bytes_in_last_block(p->a, 1);
	archive_write_set_bytes_per_block(p->a, (int)PIECE);
	if (archive_write_open2(p->a, p, NULL, packed, NULL, NULL) != ARCHIVE_OK)
		return pack_failed(p, "open");
	e = head_write(p, "", AE_IFDIR, 0);
	for (size_t i = 0; e == ERR_OK && i < p->names_n; i++)
		e = member_pack(p, p->names[i]);
	if (e != ERR_OK)
		return give_up(p, e);
	return archive_write_close(p->a) == ARCHIVE_OK ? ERR_OK : pack_failed(p, "close");
}

enum err tar_pack(struct part *to, const char *folder, const char *name,
    char digest[SUM_TEXT], struct fail *f)
{
	struct packing p = { .to = to, .folder = folder, .name = name, .f = f };
	uint8_t raw[32];
	enum err e = files_of_system.each(folder, name_add, &p, f);

	if (p.names_n)
		qsort(p.names, p.names_n, sizeof *p.names, by_name);
	p.sum = sha256_begin();
	p.a = archive_write_new();
	if (e == ERR_OK)
		e = all_pack(&p);
	if (e != ERR_OK)
		archive_write_fail(p.a);
	archive_write_free(p.a);
	sha256_end(p.sum, raw);
	hex_format(digest, raw, sizeof raw);
	for (size_t i = 0; i < p.names_n; i++)
		mem_free(p.names[i]);
	mem_free(p.names);
	return e;
}

/* -- reading --------------------------------------------------------------- */

struct reading {
	const struct files *files;
	struct file *file;
	const char *path, *name, *folder;
	uint64_t at;
	struct archive *a;
	struct sha256 *sum;
	char *bytes, *data;
	uint64_t n;
	enum err e;
	struct fail *f;
};

static la_ssize_t unpacked(struct archive *a, void *ctx, const void **ret)
{
	struct reading *r = ctx;
	size_t n;

	r->e = r->files->read(r->file, r->at, r->bytes, PIECE, &n, r->f);
	if (r->e != ERR_OK) {
		archive_set_error(a, EIO, "it could not be read");
		return -1;
	}
	r->at += n;
	*ret = r->bytes;
	return (la_ssize_t)n;
}

static enum err not_whole(struct reading *r, const char *what)
{
	const char *why = archive_error_string(r->a);

	if (r->e != ERR_OK)
		return r->e;
	return fail_set(r->f, ERR_DAMAGED, "%s is damaged: %s%s%s", r->path,
	    what ? what : "", what && why ? ": " : "",
	    why ? why : (what ? "" : "it is no archive"));
}

static enum err data_read(struct reading *r, struct file *to, const char *member)
{
	uint64_t at = 0;
	enum err e = ERR_OK;
	la_ssize_t n;

	while (e == ERR_OK && (n = archive_read_data(r->a, r->data, PIECE)) != 0) {
		if (n < 0)
			return not_whole(r, member);
		sha256_add(r->sum, r->data, (size_t)n);
		if (to)
			e = r->files->write(to, at, r->data, (size_t)n, r->f);
		at += (uint64_t)n;
	}
	return e;
}

static enum err member_read(struct reading *r, const char *member)
{
	char path[BACKUP_PATH_MAX];
	struct file *to = NULL;
	enum err e = ERR_OK;

	sha256_add(r->sum, member, strlen(member) + 1);
	if (!r->folder)
		return data_read(r, NULL, member);
	e = backup_path(path, r->folder, member, r->f);
	if (e == ERR_OK)
		e = r->files->open(&to, path, FILE_WRITE, r->f);
	if (e == ERR_OK)
		e = r->files->cut(to, 0, r->f);
	if (e == ERR_OK)
		e = data_read(r, to, member);
	if (e == ERR_OK)
		e = r->files->sync(to, r->f);
	r->files->close(to);
	return e;
}

/* Nothing else may be in it: no link, no path out of the folder. */
static enum err entry_read(struct reading *r, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	size_t len = strlen(r->name);

	if (!path || strncmp(path, r->name, len) != 0 || path[len] != '/')
		return not_whole(r, "it has a file that is not the database's");
	path += len + 1;
	if (!*path && archive_entry_filetype(entry) == AE_IFDIR)
		return ERR_OK;
	if (archive_entry_filetype(entry) != AE_IFREG || !is_member_name(path) ||
	    archive_entry_hardlink(entry))
		return not_whole(r, "it has what is no file of a database");
	if (++r->n > MEMBERS_MAX)
		return not_whole(r, "it has too many files");
	return is_left_out(path) ? ERR_OK : member_read(r, path);
}

static enum err all_read(struct reading *r)
{
	struct archive_entry *entry;
	enum err e = ERR_OK;
	int got = ARCHIVE_OK;

	archive_read_support_filter_gzip(r->a);
	archive_read_support_format_tar(r->a);
	if (archive_read_open(r->a, r, NULL, unpacked, NULL) != ARCHIVE_OK)
		return not_whole(r, NULL);
	while (
	    e == ERR_OK && (got = archive_read_next_header(r->a, &entry)) == ARCHIVE_OK)
		e = entry_read(r, entry);
	if (e == ERR_OK && got != ARCHIVE_EOF)
		e = not_whole(r, NULL);
	if (e == ERR_OK && !r->n)
		e = not_whole(r, "nothing is in it");
	return e;
}

enum err tar_read(const struct files *files, const char *archive, const char *name,
    const char *folder, char digest[SUM_TEXT], struct fail *f)
{
	struct reading r = {
		.files = files, .path = archive, .name = name, .folder = folder, .f = f
	};
	char inside[BACKUP_PATH_MAX];
	uint8_t raw[32];
	enum err e = files->open(&r.file, archive, FILE_READ, f);

	if (e != ERR_OK)
		return e;
	r.bytes = mem_array(PIECE, 1);
	r.data = mem_array(PIECE, 1);
	r.sum = sha256_begin();
	r.a = archive_read_new();
	if (folder)
		e = files->folder(folder, f);
	if (e == ERR_OK)
		e = all_read(&r);
	if (e == ERR_OK && folder)
		e = backup_path(inside, folder, "CURRENT", f);
	if (e == ERR_OK && folder)
		e = files->sync_folder(inside, f);
	archive_read_free(r.a);
	sha256_end(r.sum, raw);
	hex_format(digest, raw, sizeof raw);
	mem_free(r.bytes);
	mem_free(r.data);
	files->close(r.file);
	return e;
}
