/* Deaths at an op, and the end of the power. */
#include "sim/disk/disk_in.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

int64_t sim_disk_ops(const struct sim_disk *d)
{
	return d->ops;
}

void sim_disk_die_at(struct sim_disk *d, int64_t n)
{
	d->ops = 0;
	d->die_at = n;
}

static void die(void)
{
	const struct sim_disk_process *p = disk_user();

	CHECK(p && p->die);
	disk_fault(p->disk, SIM_DISK_DID_DIED);
	p->die(p->ctx);
	BUG("a process outlived its death");
}

bool disk_op(struct sim_disk *d)
{
	if (++d->ops != d->die_at)
		return false;
	if (disk_draw(d, 2))
		die();
	return true;
}

void disk_op_end(bool last)
{
	if (last)
		die();
}

int disk_make(struct sim_disk *d, const char *name)
{
	bool last = disk_op(d);
	int file = disk_add(d, name);

	disk_op_end(last);
	return file;
}

void disk_name(struct sim_disk *d, int file, const char *name)
{
	bool last = disk_op(d);

	snprintf(d->files[file].name, DISK_NAME, "%s", name);
	disk_op_end(last);
}

void disk_replace(struct sim_disk *d, int file, const char *name)
{
	bool last = disk_op(d);
	int other = disk_find(d, name);

	if (other >= 0 && other != file) {
		d->files[other].name[0] = '\0';
		d->files[other].replaced_by = file + 1;
	}
	snprintf(d->files[file].name, DISK_NAME, "%s", name);
	disk_op_end(last);
}

/* Before, both names are on the medium: what else could the exchange be of? */
void disk_exchange(struct sim_disk *d, int file, int other)
{
	bool last = disk_op(d);
	struct disk_file *a = &d->files[file], *b = &d->files[other];
	char name[DISK_NAME];

	CHECK(!strcmp(a->name, a->name_on_medium) && !strcmp(b->name, b->name_on_medium));
	memcpy(name, a->name, DISK_NAME);
	memcpy(a->name, b->name, DISK_NAME);
	memcpy(b->name, name, DISK_NAME);
	a->exchanged = other + 1;
	b->exchanged = file + 1;
	disk_op_end(last);
}

/* -- folders --------------------------------------------------------------- */

static bool is_in(const char *name, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(name, folder, len) == 0 && name[len] == '/';
}

int disk_in_folder(const struct sim_disk *d, const char *folder)
{
	for (int i = 0; i < DISK_FILES; i++)
		if (is_in(d->files[i].name, folder))
			return i;
	return -1;
}

static void move(char name[DISK_NAME], const char *from, const char *to)
{
	char rest[DISK_NAME];

	if (!is_in(name, from))
		return;
	snprintf(rest, DISK_NAME, "%s", name + strlen(from));
	CHECK(snprintf(name, DISK_NAME, "%s%s", to, rest) < DISK_NAME);
}

/* What is in it goes along. Of two that no sync has covered the story could not tell. */
void disk_folder_move(struct sim_disk *d, const char *from, const char *to)
{
	bool last = disk_op(d);

	CHECK(!d->moved_from[0] && disk_in_folder(d, to) < 0);
	for (int i = 0; i < DISK_FILES; i++)
		move(d->files[i].name, from, to);
	snprintf(d->moved_from, DISK_NAME, "%s", from);
	snprintf(d->moved_to, DISK_NAME, "%s", to);
	disk_op_end(last);
}

/* -- power ----------------------------------------------------------------- */

/* Sector by sector, old or new. */
static void tear(struct sim_disk *d, const struct disk_unsynced *w)
{
	int64_t at = w->at, end = w->at + w->len;

	disk_fault(d, SIM_DISK_DID_WRITE_TORN);
	while (at < end) {
		int64_t next = (at / DISK_SECTOR + 1) * DISK_SECTOR;
		struct disk_unsynced piece = *w;

		if (next > end)
			next = end;
		if (w->data != DISK_IN_CACHE)
			piece.data += (size_t)(at - w->at);
		piece.at = at;
		piece.len = next - at;
		if (disk_draw(d, 2))
			disk_apply(d, &piece);
		at = next;
	}
}

/* What else lies in the sector in which an unsynced write begins or ends. */
static void spoil(struct sim_disk *d, const struct disk_unsynced *w)
{
	struct disk_file *f = &d->files[w->file];
	int64_t begin = w->at / DISK_SECTOR * DISK_SECTOR, end = w->at + w->len;
	int64_t sector_end = (end + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR;

	disk_fault(d, SIM_DISK_DID_SECTOR_SPOILED);
	disk_differ(d, w->file, begin, sector_end);
	disk_touched(d, w->file, begin);
	for (int64_t i = begin; i < w->at && i < f->size_on_medium; i++)
		disk_medium(d, w->file)[i] = (uint8_t)disk_draw(d, 256);
	for (int64_t i = end; i < sector_end && i < f->size_on_medium; i++)
		disk_medium(d, w->file)[i] = (uint8_t)disk_draw(d, 256);
}

static void lose(struct sim_disk *d, const struct disk_unsynced *w, bool spoils)
{
	disk_fault(d, SIM_DISK_DID_WRITE_LOST);
	if (spoils && w->len > 0)
		spoil(d, w);
}

static void shuffle(struct sim_disk *d)
{
	for (size_t i = d->writes; i > 1; i--) {
		size_t k = (size_t)disk_draw(d, i);
		struct disk_unsynced w = d->list[k];

		d->list[k] = d->list[i - 1];
		d->list[i - 1] = w;
	}
}

static void lose_some(struct sim_disk *d)
{
	if (d->writes > 1)
		disk_fault(d, SIM_DISK_DID_REORDERED);
	shuffle(d);
	for (size_t i = 0; i < d->writes; i++) {
		const struct disk_unsynced *w = &d->list[i];
		uint64_t luck = disk_draw(d, 8);

		if (w->len < 0 ? luck < 5 : luck < 4)
			disk_apply(d, w);
		else if (w->len > 0 && luck < 6)
			tear(d, w);
		else
			lose(d, w, luck == 6);
	}
}

static void lose_writes(struct sim_disk *d, enum sim_disk_loss loss)
{
	size_t kept = loss == SIM_LOSE_NOTHING ? d->writes : 0;

	if (loss == SIM_LOSE_LAST)
		kept = (size_t)disk_draw(d, d->writes + 1);
	if (loss == SIM_LOSE_SOME)
		lose_some(d);
	for (size_t i = 0; i < d->writes && loss != SIM_LOSE_SOME; i++) {
		if (i < kept)
			disk_apply(d, &d->list[i]);
		else
			lose(d, &d->list[i], false);
	}
	d->writes = 0;
	d->pile = d->unsynced = 0;
}

static bool name_stays(struct sim_disk *d, enum sim_disk_loss loss)
{
	if (loss == SIM_LOSE_ALL || loss == SIM_LOSE_NOTHING)
		return loss == SIM_LOSE_NOTHING;
	return disk_draw(d, 2);
}

/* A name has the file that took it, or the one that had it. */
static void lose_replaced(struct sim_disk *d)
{
	for (int i = 0; i < DISK_FILES; i++) {
		struct disk_file *f = &d->files[i];
		const char *now = f->replaced_by ? d->files[f->replaced_by - 1].name : "";

		if (f->replaced_by && strcmp(now, f->name_on_medium) == 0)
			f->name_on_medium[0] = '\0';
		if (f->replaced_by)
			memcpy(f->name, f->name_on_medium, DISK_NAME);
		f->replaced_by = 0;
	}
}

/* Both or none. */
static void lose_exchanged(struct sim_disk *d, enum sim_disk_loss loss)
{
	for (int i = 0; i < DISK_FILES; i++) {
		struct disk_file *a = &d->files[i], *b;

		if (!a->exchanged)
			continue;
		b = &d->files[a->exchanged - 1];
		a->exchanged = b->exchanged = 0;
		if (name_stays(d, loss)) {
			memcpy(a->name_on_medium, a->name, DISK_NAME);
			memcpy(b->name_on_medium, b->name, DISK_NAME);
			continue;
		}
		disk_fault(d, SIM_DISK_DID_NAME_LOST);
		memcpy(a->name, a->name_on_medium, DISK_NAME);
		memcpy(b->name, b->name_on_medium, DISK_NAME);
	}
}

static void folder_moves(struct sim_disk *d, const char *from, const char *to)
{
	for (int i = 0; i < DISK_FILES; i++) {
		move(d->files[i].name, from, to);
		move(d->files[i].name_on_medium, from, to);
	}
}

/* Whether it moved, and what else became of the names in it, are two things. */
static void lose_moved(struct sim_disk *d, enum sim_disk_loss loss)
{
	if (name_stays(d, loss))
		folder_moves(d, d->moved_from, d->moved_to);
	else
		disk_fault(d, SIM_DISK_DID_NAME_LOST);
	d->moved_from[0] = '\0';
}

static void lose_names(struct sim_disk *d, enum sim_disk_loss loss)
{
	lose_exchanged(d, loss);
	for (int i = 0; i < DISK_FILES; i++) {
		struct disk_file *f = &d->files[i];

		if (f->replaced_by)
			continue;
		if (strcmp(f->name, f->name_on_medium) != 0) {
			if (name_stays(d, loss))
				memcpy(f->name_on_medium, f->name, DISK_NAME);
			else
				disk_fault(d, SIM_DISK_DID_NAME_LOST);
		}
		for (int k = 0; k < i; k++) {
			if (strcmp(d->files[k].name, f->name_on_medium) == 0)
				f->name_on_medium[0] = 0;
		}
		memcpy(f->name, f->name_on_medium, DISK_NAME);
	}
}

void sim_disk_lose_power(struct sim_disk *d, enum sim_disk_loss loss)
{
	static const enum sim_disk_loss drawn[] = { SIM_LOSE_ALL, SIM_LOSE_NOTHING,
		SIM_LOSE_LAST, SIM_LOSE_SOME, SIM_LOSE_SOME };

	disk_fault(d, SIM_DISK_DID_POWER_LOST);
	disk_drop_all(d);
	lose_writes(d, loss == SIM_LOSE_DRAWN ? drawn[disk_draw(d, 5)] : loss);
	if (d->moved_from[0])
		folder_moves(d, d->moved_to, d->moved_from);
	lose_names(d, loss);
	lose_replaced(d);
	if (d->moved_from[0])
		lose_moved(d, loss);
	for (int i = 0; i < DISK_FILES; i++) {
		if (!*d->files[i].name)
			d->files[i].size_on_medium = 0;
		disk_reread(d, i);
	}
}
