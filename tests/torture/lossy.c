#include "lossy.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "journal/driver.h"
#include "journal/files.h"

#define FILES 16
#define NAME 256
#define WRITES 65536
#define SECTOR 512
#define LOCKS 8 /* of a -shm */
#define PAGES 64
#define WARM_SLACK (96 * 1024)

struct file {
	char name[NAME]; /* "" when it was removed */
	char name_on_medium[NAME];
	int64_t size, size_on_medium;
};

/* A write that no sync has covered. len -1: the file was cut at `at`. */
struct unsynced {
	int file;
	int64_t at, len;
	size_t data; /* in the pile */
};

struct lossy {
	uint64_t random;
	size_t file_max, pile_max, pile;
	int64_t ops, die_at, syncs, fail_sync_at, room;
	struct file files[FILES];
	size_t writes;
	struct unsynced list[WRITES]; /* from here on only what is in use counts */
	uint8_t bytes[]; /* the cache and the medium of each file, then the pile */
};

#define HEAD_SIZE offsetof(struct lossy, list)

/* One connection's view of a file. */
struct handle {
	sqlite3_file base;
	struct lossy *l;
	int file;
	bool
	    journal; /* -wal or rollback journal: its first sync makes its name durable */
	bool persist;
	struct shm *shm;
	unsigned shared, exclusive; /* the -shm locks that this connection holds */
};

/* The -shm of a file: memory of this process, gone with it. */
struct shm {
	int users;
	void *pages[PAGES];
	int shared[LOCKS];
	bool exclusive[LOCKS];
};

static struct shm *shms[FILES];
static struct lossy *disk;
static bool owned[FILES];

static void die(void)
{
	_exit(LOSSY_DEATH);
}

void (*lossy_die)(void) = die;

/* -- the region ------------------------------------------------------------ */

size_t lossy_size(size_t file_max)
{
	return sizeof(struct lossy) + (2 * FILES + 4) * file_max;
}

void lossy_seed(struct lossy *l, uint64_t seed)
{
	l->random = seed;
}

struct lossy *lossy_format(void *region, size_t file_max, uint64_t seed)
{
	struct lossy *l = region;

	memset(l, 0, HEAD_SIZE);
	l->file_max = file_max;
	l->pile_max = 4 * file_max;
	l->room = -1;
	lossy_seed(l, seed);
	return l;
}

/* splitmix64 */
static uint64_t draw(struct lossy *l, uint64_t below)
{
	uint64_t z = l->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static uint8_t *cache(struct lossy *l, int file)
{
	return l->bytes + (size_t)file * 2 * l->file_max;
}

static uint8_t *medium(struct lossy *l, int file)
{
	return cache(l, file) + l->file_max;
}

static uint8_t *pile(struct lossy *l)
{
	return l->bytes + 2 * FILES * l->file_max;
}

/* -- a copy ---------------------------------------------------------------- */

struct lossy_image {
	size_t len, at;
	uint8_t bytes[];
};

/* All that is in use, piece by piece, in one order for both ways. */
static void each_piece(struct lossy *l, struct lossy_image *i,
    void (*piece)(struct lossy_image *i, void *p, size_t len))
{
	piece(i, l, HEAD_SIZE);
	piece(i, l->list, l->writes * sizeof(*l->list));
	for (int k = 0; k < FILES; k++) {
		piece(i, cache(l, k), (size_t)l->files[k].size);
		piece(i, medium(l, k), (size_t)l->files[k].size_on_medium);
	}
	piece(i, pile(l), l->pile);
}

static void piece_measure(struct lossy_image *i, void *p, size_t len)
{
	(void)p;
	i->len += len;
}

static void piece_keep(struct lossy_image *i, void *p, size_t len)
{
	if (len)
		memcpy(i->bytes + i->at, p, len);
	i->at += len;
}

static void piece_put(struct lossy_image *i, void *p, size_t len)
{
	if (len)
		memcpy(p, i->bytes + i->at, len);
	i->at += len;
}

struct lossy_image *lossy_keep(struct lossy *l)
{
	struct lossy_image measure = { .len = 0 }, *ret;

	each_piece(l, &measure, piece_measure);
	ret = mem_new(sizeof(*ret) + measure.len);
	ret->len = measure.len;
	each_piece(l, ret, piece_keep);
	return ret;
}

void lossy_put_back(struct lossy *l, struct lossy_image *i)
{
	CHECK(i->len >= HEAD_SIZE);
	i->at = 0;
	each_piece(l, i, piece_put);
	CHECK(i->at == i->len);
}

static void warm(void *at, int64_t len)
{
	uintptr_t from = (uintptr_t)at & ~(uintptr_t)4095;

	madvise((void *)from, (size_t)((uintptr_t)at - from) + (size_t)len + WARM_SLACK,
	    MADV_POPULATE_WRITE);
}

void lossy_warm(struct lossy *l)
{
	warm(l, 0);
	for (int i = 0; i < FILES; i++) {
		if (!*l->files[i].name)
			continue;
		warm(cache(l, i), l->files[i].size);
		warm(medium(l, i), l->files[i].size_on_medium);
	}
	warm(pile(l), 0);
}

static int find(struct lossy *l, const char *name)
{
	for (int i = 0; i < FILES; i++) {
		if (*name && strcmp(l->files[i].name, name) == 0)
			return i;
	}
	return -1;
}

static int add(struct lossy *l, const char *name)
{
	CHECK(strlen(name) < NAME);
	for (int i = 0; i < FILES; i++) {
		struct file *f = &l->files[i];

		if (*f->name || *f->name_on_medium)
			continue;
		memset(f, 0, sizeof(*f));
		snprintf(f->name, NAME, "%s", name);
		return i;
	}
	BUG("the lossy disk has no room for another file");
}

/* -- cache and medium ------------------------------------------------------ */

static void put(uint8_t *to, int64_t *size, int64_t at, const void *data, int64_t len)
{
	if (at > *size)
		memset(to + *size, 0, (size_t)(at - *size));
	memcpy(to + at, data, (size_t)len);
	if (at + len > *size)
		*size = at + len;
}

static void cut(int64_t *size, int64_t at)
{
	if (at < *size)
		*size = at;
}

static void apply(struct lossy *l, const struct unsynced *w)
{
	int64_t *size = &l->files[w->file].size_on_medium;

	if (w->len < 0)
		cut(size, w->at);
	else
		put(medium(l, w->file), size, w->at, pile(l) + w->data, w->len);
}

/* Take the writes of a file off the list (-1: of all). chance: of 256, how many of them
 * reach the medium. */
static void settle(struct lossy *l, int file, uint64_t chance)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->writes; i++) {
		if (file >= 0 && l->list[i].file != file)
			l->list[kept++] = l->list[i];
		else if (chance == 256 || draw(l, 256) < chance)
			apply(l, &l->list[i]);
	}
	l->writes = kept;
	if (!kept)
		l->pile = 0;
}

static void note(struct lossy *l, int file, int64_t at, const void *data, int64_t len)
{
	size_t size = len > 0 ? (size_t)len : 0;

	/* a kernel may write back what it likes at any time */
	if (l->writes == WRITES || l->pile + size > l->pile_max)
		settle(l, -1, 256);
	CHECK(l->pile + size <= l->pile_max);
	if (size)
		memcpy(pile(l) + l->pile, data, size);
	l->list[l->writes++] =
	    (struct unsynced){ .file = file, .at = at, .len = len, .data = l->pile };
	l->pile += size;
}

static void write_file(
    struct lossy *l, int file, int64_t at, const void *data, int64_t len)
{
	CHECK((size_t)(at + len) <= l->file_max);
	put(cache(l, file), &l->files[file].size, at, data, len);
	note(l, file, at, data, len);
}

/* -- death ----------------------------------------------------------------- */

int64_t lossy_ops(const struct lossy *l)
{
	return l->ops;
}

void lossy_die_at(struct lossy *l, int64_t n)
{
	l->ops = 0;
	l->die_at = n;
}

void lossy_fail_sync_at(struct lossy *l, int64_t n)
{
	l->syncs = 0;
	l->fail_sync_at = n;
}

void lossy_room(struct lossy *l, int64_t bytes)
{
	l->room = bytes;
}

/* Whether this op is the one to die at; then possibly now, before it. */
static bool last_op(struct lossy *l)
{
	if (++l->ops != l->die_at)
		return false;
	if (draw(l, 2))
		lossy_die();
	return true;
}

static void after(bool last)
{
	if (last)
		lossy_die();
}

/* Sector by sector, old or new. */
static void tear(struct lossy *l, const struct unsynced *w)
{
	int64_t at = w->at, end = w->at + w->len;

	while (at < end) {
		int64_t next = (at / SECTOR + 1) * SECTOR;
		struct unsynced piece = *w;

		if (next > end)
			next = end;
		piece.data += (size_t)(at - w->at);
		piece.at = at;
		piece.len = next - at;
		if (draw(l, 2))
			apply(l, &piece);
		at = next;
	}
}

/* What else lies in the sector in which an unsynced write begins or ends. */
static void spoil(struct lossy *l, const struct unsynced *w)
{
	struct file *f = &l->files[w->file];
	int64_t begin = w->at / SECTOR * SECTOR, end = w->at + w->len;
	int64_t sector_end = (end + SECTOR - 1) / SECTOR * SECTOR;

	for (int64_t i = begin; i < w->at && i < f->size_on_medium; i++)
		medium(l, w->file)[i] = (uint8_t)draw(l, 256);
	for (int64_t i = end; i < sector_end && i < f->size_on_medium; i++)
		medium(l, w->file)[i] = (uint8_t)draw(l, 256);
}

static void shuffle(struct lossy *l)
{
	for (size_t i = l->writes; i > 1; i--) {
		size_t k = (size_t)draw(l, i);
		struct unsynced w = l->list[k];

		l->list[k] = l->list[i - 1];
		l->list[i - 1] = w;
	}
}

static void lose_writes(struct lossy *l)
{
	/* the extremes too: all of it, none of it, in order up to some point */
	uint64_t mood = draw(l, 5);
	size_t until = mood == 2 ? (size_t)draw(l, l->writes + 1) : l->writes;

	if (mood > 2)
		shuffle(l);
	for (size_t i = 0; i < until && mood > 0; i++) {
		const struct unsynced *w = &l->list[i];
		uint64_t luck = mood > 2 ? draw(l, 8) : 0;

		if (w->len < 0 ? luck < 5 : luck < 4)
			apply(l, w);
		else if (w->len > 0 && luck < 6)
			tear(l, w);
		else if (w->len > 0 && luck == 6)
			spoil(l, w);
	}
	l->writes = 0;
	l->pile = 0;
}

static void lose_names(struct lossy *l)
{
	for (int i = 0; i < FILES; i++) {
		struct file *f = &l->files[i];

		if (strcmp(f->name, f->name_on_medium) != 0 && draw(l, 2))
			memcpy(f->name_on_medium, f->name, NAME);
		for (int k = 0; k < i; k++) {
			if (strcmp(l->files[k].name, f->name_on_medium) == 0)
				f->name_on_medium[0] = 0;
		}
		memcpy(f->name, f->name_on_medium, NAME);
	}
}

void lossy_lose_power(struct lossy *l)
{
	lose_writes(l);
	lose_names(l);
	for (int i = 0; i < FILES; i++) {
		struct file *f = &l->files[i];

		if (!*f->name)
			f->size_on_medium = 0;
		f->size = f->size_on_medium;
		memcpy(cache(l, i), medium(l, i), (size_t)f->size);
	}
}

/* -- files ----------------------------------------------------------------- */

static struct handle *of(sqlite3_file *f)
{
	return (struct handle *)(void *)f;
}

static int read_at(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
	struct handle *h = of(file);
	int64_t size = h->l->files[h->file].size, have = size - at;

	if (have < 0)
		have = 0;
	if (have > len)
		have = len;
	memcpy(out, cache(h->l, h->file) + at, (size_t)have);
	memset((uint8_t *)out + have, 0, (size_t)(len - have));
	return have == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static bool fits(struct lossy *l, int file, int64_t end)
{
	int64_t more = end - l->files[file].size;

	if (more <= 0 || l->room < 0)
		return true;
	if (more > l->room)
		return false;
	l->room -= more;
	return true;
}

/* The page cache takes whole sectors: a write that is broken off ends with one. */
static int broken_off(struct lossy *l, int64_t at, int len)
{
	int64_t end = (at + (int64_t)draw(l, (uint64_t)len + 1)) / SECTOR * SECTOR;

	return end > at ? (int)(end - at) : 0;
}

static int write_at(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	struct handle *h = of(file);
	bool last = last_op(h->l);

	if (!fits(h->l, h->file, at + len))
		return SQLITE_FULL;
	if (last && draw(h->l, 2))
		len = broken_off(h->l, at, len);
	write_file(h->l, h->file, at, data, len);
	after(last);
	return SQLITE_OK;
}

static int truncate_at(sqlite3_file *file, sqlite3_int64 size)
{
	struct handle *h = of(file);
	bool last = last_op(h->l);

	if (size < h->l->files[h->file].size) {
		cut(&h->l->files[h->file].size, size);
		note(h->l, h->file, size, NULL, -1);
	}
	after(last);
	return SQLITE_OK;
}

static int sync_file(sqlite3_file *file, int flags)
{
	struct handle *h = of(file);
	struct file *f = &h->l->files[h->file];
	bool last = last_op(h->l);

	(void)flags;
	if (++h->l->syncs == h->l->fail_sync_at) {
		settle(h->l, h->file, 64);
		after(last);
		return SQLITE_IOERR_FSYNC;
	}
	settle(h->l, h->file, 256);
	if (h->journal)
		memcpy(f->name_on_medium, f->name, NAME);
	after(last);
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	struct handle *h = of(file);

	*ret = h->l->files[h->file].size;
	return SQLITE_OK;
}

/* One process uses the disk, and it has one connection that writes. */
static int lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int is_locked(sqlite3_file *file, int *ret)
{
	(void)file;
	*ret = 0;
	return SQLITE_OK;
}

static int control(sqlite3_file *file, int op, void *arg)
{
	struct handle *h = of(file);
	int *flag = arg;

	if (op == SQLITE_FCNTL_PERSIST_WAL) {
		if (*flag >= 0)
			h->persist = *flag > 0;
		*flag = h->persist;
		return SQLITE_OK;
	}
	if (op == SQLITE_FCNTL_POWERSAFE_OVERWRITE) {
		*flag = 0;
		return SQLITE_OK;
	}
	return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *file)
{
	(void)file;
	return SECTOR;
}

static int characteristics(sqlite3_file *file)
{
	(void)file;
	return 0;
}

/* -- the -shm -------------------------------------------------------------- */

static int shm_map(
    sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	struct handle *h = of(file);

	if (!h->shm) {
		if (!shms[h->file])
			shms[h->file] = mem_new(sizeof(struct shm));
		h->shm = shms[h->file];
		h->shm->users++;
	}
	CHECK(page < PAGES);
	if (!h->shm->pages[page] && extend)
		h->shm->pages[page] = mem_new((size_t)size);
	*ret = h->shm->pages[page];
	return SQLITE_OK;
}

static bool lock_free(const struct handle *h, int at, int flags)
{
	const struct shm *s = h->shm;
	int own_shared = (h->shared >> at) & 1;

	if (flags & SQLITE_SHM_SHARED)
		return !s->exclusive[at] || (h->exclusive >> at) & 1;
	return s->shared[at] == own_shared &&
	    (!s->exclusive[at] || (h->exclusive >> at) & 1);
}

static void lock_one(struct handle *h, int at, int flags)
{
	unsigned bit = 1u << at;
	bool on = flags & SQLITE_SHM_LOCK;

	if (flags & SQLITE_SHM_SHARED) {
		h->shm->shared[at] += (int)on - (int)!!(h->shared & bit);
		h->shared = on ? h->shared | bit : h->shared & ~bit;
	} else {
		h->shm->exclusive[at] = on;
		h->exclusive = on ? h->exclusive | bit : h->exclusive & ~bit;
	}
}

static int shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	struct handle *h = of(file);

	for (int i = at; i < at + n; i++) {
		if ((flags & SQLITE_SHM_LOCK) && !lock_free(h, i, flags))
			return SQLITE_BUSY;
	}
	for (int i = at; i < at + n; i++)
		lock_one(h, i, flags);
	return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *file)
{
	(void)file;
	__sync_synchronize();
}

static int shm_unmap(sqlite3_file *file, int delete_it)
{
	struct handle *h = of(file);

	(void)delete_it;
	if (!h->shm)
		return SQLITE_OK;
	shm_lock(file, 0, LOCKS, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
	for (int i = 0; i < LOCKS; i++) {
		if ((h->exclusive >> i) & 1)
			lock_one(h, i, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
	}
	if (--h->shm->users == 0) {
		for (int i = 0; i < PAGES; i++)
			free(h->shm->pages[i]);
		free(h->shm);
		shms[h->file] = NULL;
	}
	h->shm = NULL;
	return SQLITE_OK;
}

static int close_file(sqlite3_file *file)
{
	return shm_unmap(file, 0);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = close_file,
	.xRead = read_at,
	.xWrite = write_at,
	.xTruncate = truncate_at,
	.xSync = sync_file,
	.xFileSize = file_size,
	.xLock = lock,
	.xUnlock = lock,
	.xCheckReservedLock = is_locked,
	.xFileControl = control,
	.xSectorSize = sector_size,
	.xDeviceCharacteristics = characteristics,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

/* -- names ----------------------------------------------------------------- */

static void name_file(struct lossy *l, int file, const char *name)
{
	bool last = last_op(l);

	snprintf(l->files[file].name, NAME, "%s", name);
	after(last);
}

static int make_file(struct lossy *l, const char *name)
{
	bool last = last_op(l);
	int file = add(l, name);

	after(last);
	return file;
}

static int open_file(
    sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct handle *h = of(file);
	struct lossy *l = v->pAppData;
	int at = name ? find(l, name) : -1;

	*h = (struct handle){ .l = l };
	if (at < 0 && (!name || !(flags & SQLITE_OPEN_CREATE)))
		return SQLITE_CANTOPEN;
	h->file = at < 0 ? make_file(l, name) : at;
	h->journal = !(flags & SQLITE_OPEN_MAIN_DB);
	h->base.pMethods = &methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *v, const char *name, int sync_folder)
{
	struct lossy *l = v->pAppData;
	int file = find(l, name);

	if (file < 0)
		return SQLITE_IOERR_DELETE_NOENT;
	name_file(l, file, "");
	if (sync_folder)
		l->files[file].name_on_medium[0] = 0;
	return SQLITE_OK;
}

static int access_file(sqlite3_vfs *v, const char *name, int flags, int *ret)
{
	struct lossy *l = v->pAppData;
	int file = find(l, name);

	*ret = file >= 0 && (flags != SQLITE_ACCESS_EXISTS || l->files[file].size > 0);
	return SQLITE_OK;
}

static int full_name(sqlite3_vfs *v, const char *name, int len, char *out)
{
	(void)v;
	snprintf(out, (size_t)len, "%s", name);
	return SQLITE_OK;
}

static int randomness(sqlite3_vfs *v, int len, char *out)
{
	for (int i = 0; i < len; i++)
		out[i] = (char)draw(v->pAppData, 256);
	return len;
}

static int nap(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static int current_time(sqlite3_vfs *v, sqlite3_int64 *ret)
{
	(void)v;
	*ret = 212000000000000;
	return SQLITE_OK;
}

static int last_error(sqlite3_vfs *v, int len, char *out)
{
	(void)v;
	if (len > 0)
		out[0] = 0;
	return 0;
}

/* -- the journal's file table ---------------------------------------------- */

struct file_hold {
	int file;
};

static enum err hold(struct file_hold **ret, const char *path, bool own, struct fail *f)
{
	int file = find(disk, path);

	if (file < 0)
		return fail_set(f, ERR_SYSTEM, "%s: is not there", path);
	if (own && owned[file])
		return fail_set(f, ERR_OWNED, "%s: another process owns it", path);
	if (own)
		owned[file] = true;
	*ret = mem_new(sizeof(**ret));
	(*ret)->file = file;
	return ERR_OK;
}

static void let_go(struct file_hold *h, bool own)
{
	if (h && own)
		owned[h->file] = false;
	free(h);
}

static bool is_owned(const char *path)
{
	int file = find(disk, path);

	return file >= 0 && owned[file];
}

static int64_t size_of(const char *path)
{
	int file = find(disk, path);

	return file < 0 ? -1 : disk->files[file].size;
}

static enum err id_of(struct file_id *ret, const char *path, struct fail *f)
{
	int file = find(disk, path);

	if (file < 0)
		return fail_set(f, ERR_SYSTEM, "%s: is not there", path);
	*ret = (struct file_id){ .inode = file + 1, .device = 1, .boot = "lossy" };
	return ERR_OK;
}

static bool same(const char *path, const struct file_id *id)
{
	return find(disk, path) + 1 == id->inode;
}

static enum err make(const char *path, struct fail *f)
{
	(void)f;
	if (find(disk, path) < 0)
		make_file(disk, path);
	return ERR_OK;
}

static enum err rename_new(const char *from, const char *to, struct fail *f)
{
	int file = find(disk, from);

	if (file < 0 || find(disk, to) >= 0)
		return fail_set(f, ERR_CONFLICT, "%s: exists already", to);
	name_file(disk, file, to);
	return ERR_OK;
}

static void remove_file(const char *path)
{
	int file = find(disk, path);

	if (file >= 0)
		name_file(disk, file, "");
}

static enum err sync_folder(const char *path, struct fail *f)
{
	bool last = last_op(disk);

	if (++disk->syncs == disk->fail_sync_at) {
		after(last);
		return fail_set(f, ERR_JOURNAL, "%s: sync: EIO", path);
	}
	for (int i = 0; i < FILES; i++)
		memcpy(disk->files[i].name_on_medium, disk->files[i].name, NAME);
	after(last);
	return ERR_OK;
}

static const struct journal_files files = {
	.hold = hold,
	.let_go = let_go,
	.owned = is_owned,
	.size = size_of,
	.id = id_of,
	.same = same,
	.make = make,
	.rename = rename_new,
	.remove = remove_file,
	.sync_folder = sync_folder,
};

void lossy_install(struct lossy *l)
{
	static sqlite3_vfs vfs = {
		.iVersion = 2,
		.szOsFile = sizeof(struct handle),
		.mxPathname = NAME - 8,
		.zName = "lossy",
		.xOpen = open_file,
		.xDelete = delete_file,
		.xAccess = access_file,
		.xFullPathname = full_name,
		.xRandomness = randomness,
		.xSleep = nap,
		.xGetLastError = last_error,
		.xCurrentTimeInt64 = current_time,
	};

	disk = l;
	vfs.pAppData = l;
	CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
	db_sqlite_vfs = "lossy";
	journal_files = &files;
}
