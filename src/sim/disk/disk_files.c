/* The journal's file table. */
#include "sim/disk/disk_in.h"

#include <string.h>

#include "base/mem.h"
#include "journal/files.h"

struct file_hold {
	int open;
};

static struct sim_disk *disk(void)
{
	return disk_user()->disk;
}

static enum err no_such_file(const char *path, struct fail *f)
{
	return fail_set(f, ERR_SYSTEM, "%s: is not there", path);
}

static enum err hold(struct file_hold **ret, const char *path, bool own, struct fail *f)
{
	int file = disk_find(disk(), path);

	if (file < 0)
		return no_such_file(path, f);
	if (own && disk_is_owned(disk(), file))
		return fail_set(f, ERR_OWNED, "%s: another process owns it", path);
	*ret = mem_new(sizeof(**ret));
	(*ret)->open = disk_open_add(file);
	disk()->opens[(*ret)->open].owns = own;
	return ERR_OK;
}

static void let_go(struct file_hold *h, bool own)
{
	(void)own;
	if (h)
		disk_open_drop(disk(), h->open);
	mem_free(h);
}

static bool is_owned(const char *path)
{
	int file = disk_find(disk(), path);

	return file >= 0 && disk_is_owned(disk(), file);
}

static int64_t size_of(const char *path)
{
	int file = disk_find(disk(), path);

	return file < 0 ? -1 : disk()->files[file].size;
}

static bool head(const char *path, void *to, size_t len)
{
	int file = disk_find(disk(), path);

	if (file < 0 || disk()->files[file].size < (int64_t)len)
		return false;
	memcpy(to, disk_cache(disk(), file), len);
	return true;
}

static enum err id_of(struct file_id *ret, const char *path, struct fail *f)
{
	int file = disk_find(disk(), path);

	if (file < 0)
		return no_such_file(path, f);
	*ret = (struct file_id){ .inode = disk()->files[file].inode,
		.device = 1,
		.boot = "disk",
		.born = disk()->files[file].born };
	return ERR_OK;
}

static bool same(const char *path, const struct file_id *id)
{
	int file = disk_find(disk(), path);

	return file >= 0 && disk()->files[file].inode == id->inode;
}

static enum err make(const char *path, struct fail *f)
{
	(void)f;
	if (disk_find(disk(), path) < 0)
		disk_make(disk(), path);
	return ERR_OK;
}

static enum err rename_new(const char *from, const char *to, struct fail *f)
{
	int file = disk_find(disk(), from);

	if (file < 0)
		return no_such_file(from, f);
	if (disk_find(disk(), to) >= 0)
		return fail_set(f, ERR_CONFLICT, "%s: exists already", to);
	disk_name(disk(), file, to);
	return ERR_OK;
}

static void remove_file(const char *path)
{
	int file = disk_find(disk(), path);

	if (file >= 0)
		disk_name(disk(), file, "");
}

/* As write_at() of disk_vfs.c. */
static enum err append(const char *path, const void *p, size_t len, struct fail *f)
{
	int file = disk_find(disk(), path);
	int64_t fits, at;
	bool last;

	if (file < 0)
		return no_such_file(path, f);
	at = disk()->files[file].size;
	last = disk_op(disk());
	fits = disk_room_take(disk(), file, at, (int64_t)len);
	if (fits && last)
		fits = (int64_t)disk_draw(disk(), (uint64_t)fits + 1);
	if (fits)
		disk_write(disk(), file, at, p, fits);
	disk_op_end(last);
	return fits == (int64_t)len
	    ? ERR_OK
	    : fail_set(f, ERR_DISK_FULL, "%s: write: the disk is full", path);
}

static enum err sync_one(const char *path, struct fail *f)
{
	int file = disk_find(disk(), path);
	bool last, fails;

	if (file < 0)
		return no_such_file(path, f);
	last = disk_op(disk());
	fails = disk_sync_fails(disk());
	if (!fails)
		disk_settle(disk(), file, 256);
	disk_op_end(last);
	return fails ? fail_set(f, ERR_JOURNAL, "%s: sync: EIO", path) : ERR_OK;
}

static int64_t read_some(const char *path, int64_t at, void *to, size_t len)
{
	int file = disk_find(disk(), path);
	int64_t left = file < 0 ? -1 : disk()->files[file].size - at;

	if (file < 0 || disk_read_fails(disk()))
		return -1;
	if (left < 0)
		left = 0;
	if ((int64_t)len > left)
		len = (size_t)left;
	memcpy(to, disk_cache(disk(), file) + at, len);
	return (int64_t)len;
}

static enum err sync_folder(const char *path, struct fail *f)
{
	struct sim_disk *d = disk();
	bool last = disk_op(d);
	bool fails = disk_sync_fails(d);

	if (!fails)
		disk_names_sync(d);
	disk_op_end(last);
	return fails ? fail_set(f, ERR_JOURNAL, "%s: sync: EIO", path) : ERR_OK;
}

void disk_files_install(void)
{
	static const struct journal_files files = {
		.hold = hold,
		.let_go = let_go,
		.owned = is_owned,
		.size = size_of,
		.head = head,
		.id = id_of,
		.same = same,
		.make = make,
		.rename = rename_new,
		.remove = remove_file,
		.append = append,
		.sync = sync_one,
		.read = read_some,
		.sync_folder = sync_folder,
	};

	journal_files = &files;
}
