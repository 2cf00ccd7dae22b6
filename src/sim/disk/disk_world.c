/* The world's files, on a disk that forgets. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/disk/disk_in.h"
#include "world/files.h"

struct file {
	int open, file;
	char path[DISK_NAME];
};

static struct sim_disk *disk(void)
{
	return disk_user()->disk;
}

static enum err open_file(
    struct file **ret, const char *path, enum file_how how, struct fail *f)
{
	int file = disk_find(disk(), path);

	if (file < 0 && how == FILE_READ)
		return fail_set(f, ERR_NOT_FOUND, "%s: is not there", path);
	if (file < 0)
		file = disk_make(disk(), path);
	*ret = mem_new(sizeof **ret);
	(*ret)->file = file;
	(*ret)->open = disk_open_add(file);
	snprintf((*ret)->path, DISK_NAME, "%s", path);
	return ERR_OK;
}

static void close_file(struct file *file)
{
	if (file)
		disk_open_drop(disk(), file->open);
	mem_free(file);
}

static enum err size_of(struct file *file, uint64_t *ret, struct fail *f)
{
	(void)f;
	*ret = (uint64_t)disk()->files[file->file].size;
	return ERR_OK;
}

static enum err read_at(
    struct file *file, uint64_t at, void *to, size_t len, size_t *ret_n, struct fail *f)
{
	uint64_t size = (uint64_t)disk()->files[file->file].size;

	if (disk_read_fails(disk()))
		return fail_set(f, ERR_UNREADABLE, "%s: read: EIO", file->path);
	*ret_n = at >= size ? 0 : size - at < len ? (size_t)(size - at) : len;
	if (*ret_n)
		memcpy(to, disk_cache(disk(), file->file) + at, *ret_n);
	return ERR_OK;
}

static void soon(struct file *file, uint64_t at, size_t len)
{
	(void)file;
	(void)at;
	(void)len;
}

static enum err write_at(
    struct file *file, uint64_t at, const void *bytes, size_t len, struct fail *f)
{
	struct sim_disk *d = disk();
	bool last = disk_op(d);
	int64_t fits = disk_room_take(d, file->file, (int64_t)at, (int64_t)len);

	if (fits && last)
		fits = (int64_t)disk_draw(d, (uint64_t)fits + 1);
	if (fits)
		disk_write(d, file->file, (int64_t)at, bytes, fits);
	disk_op_end(last);
	if (fits == (int64_t)len)
		return ERR_OK;
	return fail_set(f, ERR_DISK_FULL, "%s: write: the disk is full", file->path);
}

static enum err cut_at(struct file *file, uint64_t size, struct fail *f)
{
	bool last = disk_op(disk());

	(void)f;
	disk_cut(disk(), file->file, (int64_t)size);
	disk_op_end(last);
	return ERR_OK;
}

static enum err sync_file(struct file *file, struct fail *f)
{
	struct sim_disk *d = disk();
	bool last = disk_op(d), fails = disk_sync_fails(d);

	if (fails)
		disk_settle(d, file->file, 64);
	else
		disk_settle(d, file->file, 256);
	disk_op_end(last);
	return fails ? fail_set(f, ERR_JOURNAL, "%s: sync: EIO", file->path) : ERR_OK;
}

static enum err own(struct file *file, struct fail *f)
{
	if (disk_is_owned(disk(), file->file))
		return fail_set(f, ERR_OWNED,
		    "%s: another process writes it; wait for it", file->path);
	if (disk_find(disk(), file->path) != file->file)
		return fail_set(f, ERR_STALE, "%s: was replaced just now", file->path);
	disk()->opens[file->open].owns = true;
	return ERR_OK;
}

static enum err rename_over(const char *from, const char *to, struct fail *f)
{
	int file = disk_find(disk(), from);

	if (file < 0 && disk_in_folder(disk(), from) < 0)
		return fail_set(f, ERR_NOT_FOUND, "%s: is not there", from);
	if (file < 0 && disk_in_folder(disk(), to) >= 0)
		return fail_set(f, ERR_SYSTEM, "%s: something is in it", to);
	if (file < 0)
		disk_folder_move(disk(), from, to);
	else
		disk_replace(disk(), file, to);
	return ERR_OK;
}

static enum err exchange(const char *a, const char *b, struct fail *f)
{
	int one = disk_find(disk(), a), other = disk_find(disk(), b);

	if (one < 0 || other < 0)
		return fail_set(f, ERR_NOT_FOUND, "%s: is not there", one < 0 ? a : b);
	disk_exchange(disk(), one, other);
	return ERR_OK;
}

/* What a link says is as durable as its name: here it is a file that is whole. */
static enum err point(const char *target, const char *name, struct fail *f)
{
	int file = disk_make(disk(), "link.part");

	(void)f;
	disk_write(disk(), file, 0, target, (int64_t)strlen(target));
	disk_settle(disk(), file, 256);
	disk_replace(disk(), file, name);
	return ERR_OK;
}

/* Of a folder no more than that it is there. */
static enum err number(const char *path, uint64_t *ret, struct fail *f)
{
	int file = disk_find(disk(), path);

	if (file < 0)
		file = disk_in_folder(disk(), path);
	if (file < 0)
		return fail_set(f, ERR_NOT_FOUND, "%s: is not there", path);
	*ret = (uint64_t)disk()->files[file].inode;
	return ERR_OK;
}

static enum err folder(const char *path, struct fail *f)
{
	(void)path;
	(void)f;
	return ERR_OK;
}

/* A folder is there while something is in it, and told as often as that. */
static enum err each_of(
    const char *path, void (*one)(void *ctx, const char *name), void *ctx, struct fail *f)
{
	size_t len = strlen(path);
	char its[DISK_NAME];

	(void)f;
	for (int i = 0; i < DISK_FILES; i++) {
		const char *name = disk()->files[i].name;

		if (strncmp(name, path, len) != 0 || name[len] != '/')
			continue;
		snprintf(its, sizeof its, "%s", name + len + 1);
		its[strcspn(its, "/")] = '\0';
		one(ctx, its);
	}
	return ERR_OK;
}

static enum err remove_file(const char *path, struct fail *f)
{
	int file = disk_find(disk(), path);

	if (file < 0)
		return fail_set(f, ERR_NOT_FOUND, "%s: is not there", path);
	disk_name(disk(), file, "");
	return ERR_OK;
}

static enum err sync_folder(const char *path, struct fail *f)
{
	struct sim_disk *d = disk();
	bool last = disk_op(d), fails = disk_sync_fails(d);

	if (!fails)
		disk_names_sync(d);
	disk_op_end(last);
	return fails ? fail_set(f, ERR_JOURNAL, "%s: sync: EIO", path) : ERR_OK;
}

const struct files sim_disk_files = {
	.open = open_file,
	.close = close_file,
	.size = size_of,
	.read = read_at,
	.soon = soon,
	.start = soon,
	.write = write_at,
	.cut = cut_at,
	.sync = sync_file,
	.own = own,
	.rename = rename_over,
	.exchange = exchange,
	.point = point,
	.remove = remove_file,
	.number = number,
	.folder = folder,
	.each = each_of,
	.sync_folder = sync_folder,
};
