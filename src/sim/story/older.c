/* Journals that are older than what was sent: copies are kept, and put back later in all
 * the forms in which people and machines do that; and copies that run at once. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "journal/journal.h"
#include "sim/judge/judge.h"
#include "sim/story/story.h"

#define JOURNAL "/disk/pawl.db"
#define WAL JOURNAL "-wal"
#define BACKUP "/disk/backup.db"
#define ASIDE "/disk/replaced-1-pawl.db"
#define TRIES 4 /* of a command that dies in its middle */

/* -- what a person does ------------------------------------------------------------ */

static void journal_remove(struct sim_story *s)
{
	(void)sim_disk_remove(s->disk, WAL);
	(void)sim_disk_remove(s->disk, JOURNAL);
}

/* All that used it is dead, and nothing of what was to happen to it comes. */
static void everybody_ends(struct sim_story *s)
{
	for (int i = 0; i < SIM_LIVES; i++)
		if (!s->life[i].is_copy)
			sim_life_kill(&s->life[i]);
	sim_disk_die_at(s->disk, 0);
	sim_disk_fail_sync_at(s->disk, 0);
	sim_disk_fail_reads(s->disk, 0, 0);
	sim_disk_room(s->disk, -1);
	s->room_until_ms = 0;
}

/* What was told of the journal that was there says nothing of this one. */
static void is_another(struct sim_story *s, enum sim_ground broken)
{
	s->broken |= broken;
	s->is_other_file = false;
	s->edited = 0;
	s->older.is_mixed = false;
	sim_people_look_anew(s);
	s->people.off = 0;
	sim_receivers_another(s, broken == SIM_GROUND_KEPT);
	sim_judge_older(&s->life[0]);
}

/* -- commands ------------------------------------------------------------------------ */

static struct {
	const char *from;
	enum err e;
	struct fail f;
} command; /* of the tool */

static void command_ends(struct sim_life *l)
{
	if (sim_region_pieces(l->region))
		sim_story_wrong(l->story, "%zu pieces of memory were not given back",
		    sim_region_pieces(l->region));
	l->end = SIM_ENDED;
}

static void back_up(struct sim_life *l)
{
	struct journal_holds holds;

	command.e = journal_backup(JOURNAL, BACKUP, &holds, &command.f);
	command_ends(l);
}

static void restore(struct sim_life *l)
{
	const struct owner me = { .pid = 1 + l->id, .host = "sim" };
	struct journal_restored r;

	command.e = journal_restore(JOURNAL, command.from, false, &me, &r, &command.f);
	if (command.e == ERR_OK) {
		mem_free(r.replaced);
		mem_free(r.doubt);
	}
	command_ends(l);
}

/* The disk: who types makes room, and looks at its cable. */
static bool failed_for_now(struct sim_story *s)
{
	if (command.e == ERR_DISK_FULL)
		sim_disk_room(s->disk, -1);
	if (command.e == ERR_JOURNAL)
		sim_disk_fail_reads(s->disk, 0, 0);
	return command.e == ERR_DISK_FULL || command.e == ERR_JOURNAL;
}

/* Typed again until it lives to its end. */
static enum err type(
    struct sim_story *s, const char *line, void (*do_it)(struct sim_life *l))
{
	enum sim_end end = SIM_DIED;

	command.f = (struct fail){ .err = ERR_OK };
	for (int i = 0;
	     i < TRIES && !s->why[0] && (end != SIM_ENDED || failed_for_now(s)); i++) {
		end = sim_life_use(&s->tool, do_it);
		s->figures.crashes += end != SIM_ENDED;
		if (end == SIM_FATAL)
			sim_disk_fail_reads(s->disk, 0, 0);
		if (end == SIM_ENDED && command.e != ERR_OK)
			sim_story_line(s, "pawl %s: %s: %s", line, err_name(command.e),
			    command.f.why);
		else
			sim_story_line(
			    s, "pawl %s: %s", line, end == SIM_ENDED ? "OK" : "dies");
	}
	if (end == SIM_ENDED)
		return command.e;
	return s->older.damage[0] ? ERR_DAMAGED : ERR_JOURNAL;
}

static enum err restore_from(struct sim_story *s, const char *from)
{
	enum err e;

	command.from = from;
	e = type(s, "restore", restore);
	(void)sim_disk_remove(s->disk, ASIDE "-wal");
	(void)sim_disk_remove(s->disk, ASIDE);
	if (e == ERR_NO_JOURNAL)
		return ERR_DAMAGED; /* it went with a disk that was set back */
	if (e == ERR_OK && !strcmp(from, BACKUP))
		s->flipped = s->older.backup_flipped;
	else if (e == ERR_OK)
		s->flipped &= ~(unsigned)SIM_FLIPPED_WAL;
	if (e == ERR_OK)
		is_another(s, SIM_GROUND_NEWEST);
	else if (e != ERR_DAMAGED)
		sim_story_wrong(s, "restore: %s: %s", err_name(e), command.f.why);
	return e;
}

static void made_anew(struct sim_story *s)
{
	everybody_ends(s);
	journal_remove(s);
	sim_life_make(&s->tool);
	sim_story_line(s, "pawl init");
	s->flipped = 0;
	is_another(s, SIM_GROUND_KEPT);
	sim_judge_lost(s);
}

/* -- damage is mended by the line that was printed --------------------------------- */

bool sim_older_damaged(struct sim_story *s, const char *why)
{
	const struct sim_older *o = &s->older;

	if (!o->was_damaged)
		return false;
	snprintf(s->older.damage, sizeof s->older.damage, "%s", why);
	return true;
}

void sim_older_rises(struct sim_story *s)
{
	static const char restore_line[] = "pawl restore ";
	struct sim_older *o = &s->older;
	char why[SIM_WHY_MAX];
	const char *at;
	enum err e = ERR_DAMAGED;

	if (!o->damage[0])
		return;
	memcpy(why, o->damage, sizeof why);
	o->damage[0] = '\0';
	at = strstr(why, restore_line);
	sim_story_line(s, "damaged: %s", why);
	if (!at) {
		sim_story_wrong(s, "no line to type: %s", why);
		return;
	}
	everybody_ends(s);
	sim_story_did(s, SIM_DID_MENDED);
	if (strstr(why, "-wal away and type"))
		(void)sim_disk_remove(s->disk, WAL);
	if (!strncmp(at + strlen(restore_line), JOURNAL, strlen(JOURNAL)))
		e = restore_from(s, JOURNAL);
	if (e == ERR_DAMAGED && o->has_backup) {
		e = restore_from(s, BACKUP);
		o->has_backup = !o->backup_flipped; /* it may have the same damage */
	}
	if (e == ERR_DAMAGED)
		made_anew(s);
	o->damage[0] = '\0';
	if (s->calm)
		sim_people_calm(s); /* nodes may be switched off again */
}

/* -- a copy is kept ------------------------------------------------------------------ */

static void machine_forget(struct sim_older *o)
{
	mem_free(o->memory);
	mem_free(o->disk);
	o->memory = NULL;
	o->disk = NULL;
}

/* All of a machine on which one process runs. */
static void machine_keep(struct sim_story *s)
{
	struct sim_older *o = &s->older;

	machine_forget(o);
	if (!s->life[0].alive || s->life[0].stands || s->life[1].alive ||
	    s->life[1].stands)
		return;
	o->memory = sim_region_keep(s->life[0].region);
	o->disk = sim_disk_keep(s->disk);
	o->disk_flipped = s->flipped;
	o->life = s->life[0];
}

static void keep(struct sim_story *s, enum sim_keep what)
{
	struct sim_older *o = &s->older;

	if (what == SIM_KEEP_FILES) {
		mem_free(o->files);
		o->files = sim_disk_keep(s->disk);
		o->files_flipped = s->flipped;
	} else if (what == SIM_KEEP_BACKUP) {
		o->has_backup = false;
		(void)sim_disk_remove(s->disk, BACKUP);
		o->has_backup = type(s, "backup", back_up) == ERR_OK;
		o->backup_flipped = s->flipped ? SIM_FLIPPED_DATABASE : 0;
	} else {
		machine_keep(s);
	}
}

/* -- and put back --------------------------------------------------------- */

static void machine_back(struct sim_story *s)
{
	struct sim_older *o = &s->older;
	struct sim_life *l = &s->life[0];

	everybody_ends(s);
	sim_disk_put_back(s->disk, o->disk);
	sim_disk_die_at(s->disk, 0);
	sim_disk_fail_sync_at(s->disk, 0);
	sim_disk_fail_reads(s->disk, 0, 0);
	sim_disk_room(s->disk, -1);
	sim_region_put_back(l->region, o->memory);
	s->flipped = o->disk_flipped;
	*l = o->life;
	l->die_points = l->die_events = l->stand_points = 0;
	l->power = 0;
	sim_receivers_asked_again(l);
	for (int k = 1; k < SIM_FAULT_COUNT; k++)
		sim_world_chance(
		    sim_world_of(l->world), (enum sim_fault)k, s->per_mille[k]);
	is_another(s, SIM_GROUND_ALONE);
}

static bool files_back(struct sim_story *s, enum sim_back how)
{
	struct sim_older *o = &s->older;
	bool other = how == SIM_BACK_COPIED;

	if (!o->files)
		return false;
	everybody_ends(s);
	/* that its own row fits is all that a start can see of it; or nothing at all */
	if (how == SIM_BACK_UNDER_WAL &&
	    (sim_disk_is_half_moved(s->disk, o->files, JOURNAL) ||
		sim_disk_wal_tells_nothing(s->disk, JOURNAL)))
		return false;
	(void)sim_disk_set_back(s->disk, o->files, JOURNAL, other);
	s->flipped |= o->files_flipped;
	o->is_mixed = how == SIM_BACK_UNDER_WAL;
	if (o->is_mixed)
		return true; /* either it fits, and nothing is lost, or it is refused */
	(void)sim_disk_set_back(s->disk, o->files, WAL, other);
	s->flipped = o->files_flipped;
	is_another(s, other ? SIM_GROUND_NEWEST : SIM_GROUND_ALONE);
	s->is_other_file = other;
	return true;
}

/* The -wal of then is none: the backup stands alone. */
static bool backup_over(struct sim_story *s)
{
	if (!s->older.has_backup)
		return false;
	everybody_ends(s);
	if (!sim_disk_copy(s->disk, BACKUP, JOURNAL))
		return false;
	(void)sim_disk_copy(s->disk, NULL, WAL);
	s->flipped = s->older.backup_flipped;
	is_another(s, SIM_GROUND_NEWEST);
	return true;
}

/* Whoever was about to lose its lock alone has lost more now. */
static void loses_files(struct sim_life *l)
{
	if (!l->alive || l->is_copy || (l->lost_commit && l->robbed == SIM_ROBBED_DISK))
		return;
	l->lost_commit = journal_commit_no(l->journal);
	l->robbed = SIM_ROBBED_NOT;
	l->stand_points = 0;
}

/* Who has the files open keeps those that he has, and must not write them any more. */
static bool put_beneath(struct sim_story *s)
{
	struct sim_older *o = &s->older;

	for (int i = 0; i < SIM_LIVES; i++)
		if (!o->files || s->life[i].stands)
			return false;
	for (int i = 0; i < SIM_LIVES; i++)
		loses_files(&s->life[i]);
	if (!sim_disk_set_back(s->disk, o->files, JOURNAL, true))
		return false;
	(void)sim_disk_set_back(s->disk, o->files, WAL, true);
	s->flipped = o->files_flipped;
	is_another(s, SIM_GROUND_NEWEST);
	s->is_other_file = true;
	return true;
}

static bool back(struct sim_story *s, enum sim_back how)
{
	switch (how) {
	case SIM_BACK_RESTORED:
		if (!s->older.has_backup)
			return false;
		everybody_ends(s);
		return restore_from(s, BACKUP) == ERR_OK;
	case SIM_BACK_COPIED:
	case SIM_BACK_SILENT:
	case SIM_BACK_UNDER_WAL:
		return files_back(s, how);
	case SIM_BACK_WITHOUT_WAL:
		everybody_ends(s);
		(void)sim_disk_remove(s->disk, WAL);
		return true;
	case SIM_BACK_EMPTY_WAL:
		everybody_ends(s);
		return sim_disk_copy(s->disk, NULL, WAL);
	case SIM_BACK_OVER:
		return backup_over(s);
	case SIM_BACK_BENEATH:
		return put_beneath(s);
	case SIM_BACK_NEW:
		made_anew(s);
		return true;
	case SIM_BACK_MACHINE:
		/* who stands still has a stack that the memory of then is not of */
		if (!s->older.memory || s->life[0].stands)
			return false;
		machine_back(s);
		return true;
	case SIM_BACKS:
		break;
	}
	BUG("no such way back");
}

/* -- a copy runs, too ------------------------------------------------------ */

/* Nobody has it open, and cp has made other files of it. */
static bool copy_begin(struct sim_disk *d, const struct sim_disk_image *of, bool clone)
{
	for (int id = 1; id <= 1 + SIM_LIVES; id++)
		sim_disk_process_end(&(struct sim_disk_process){ .disk = d, .id = id });
	sim_disk_die_at(d, 0);
	sim_disk_fail_sync_at(d, 0);
	sim_disk_fail_reads(d, 0, 0);
	sim_disk_room(d, -1);
	return !clone && sim_disk_set_back(d, of, JOURNAL, true) &&
	    sim_disk_set_back(d, of, WAL, true);
}

static void twin(struct sim_story *s, int64_t ms, bool clone)
{
	struct sim_life *l = &s->life[1];
	struct sim_disk_image *all;

	if (l->stands || l->is_copy)
		return;
	sim_life_kill(l);
	all = sim_disk_keep(s->disk);
	sim_disk_put_back(s->copy_disk, all);
	s->twin_is_other = copy_begin(s->copy_disk, all, clone);
	mem_free(all);
	sim_disk_seed(s->copy_disk, s->fate->seed ^ 0xc0b1);
	l->is_copy = true;
	sim_story_did(s, SIM_DID_RAN_TWICE);
	l->process.disk = s->copy_disk;
	l->wanted = true;
	l->rise_at_ms = s->chain->now_ms;
	l->wanted_until_ms = s->chain->now_ms + ms;
	s->broken |= SIM_GROUND_ALONE;
}

void sim_older_copy_ends(struct sim_story *s)
{
	struct sim_life *l = &s->life[1];

	l->is_copy = false;
	l->process.disk = s->disk;
}

/* -- acts ----------------------------------------------------------------- */

static void flip(struct sim_story *s, bool wal, uint64_t where)
{
	everybody_ends(s);
	sim_flip(s, wal, where);
}

static void meddle(struct sim_story *s, bool event, uint64_t luck)
{
	everybody_ends(s);
	sim_meddle(s, event, luck);
}

static void back_act(struct sim_story *s, enum sim_back how)
{
	static const enum sim_deed deeds[SIM_BACKS] = {
		[SIM_BACK_RESTORED] = SIM_DID_RESTORED,
		[SIM_BACK_COPIED] = SIM_DID_COPIED,
		[SIM_BACK_SILENT] = SIM_DID_SET_BACK,
		[SIM_BACK_UNDER_WAL] = SIM_DID_UNDER_WAL,
		[SIM_BACK_WITHOUT_WAL] = SIM_DID_WITHOUT_WAL,
		[SIM_BACK_NEW] = SIM_DID_MADE_ANEW,
		[SIM_BACK_MACHINE] = SIM_DID_MACHINE_BACK,
		[SIM_BACK_EMPTY_WAL] = SIM_DID_EMPTIED_WAL,
		[SIM_BACK_OVER] = SIM_DID_COPIED_OVER,
		[SIM_BACK_BENEATH] = SIM_DID_BENEATH,
	};

	s->older.was_damaged |= how == SIM_BACK_UNDER_WAL ||
	    how == SIM_BACK_WITHOUT_WAL || how == SIM_BACK_EMPTY_WAL;
	if (back(s, how))
		sim_story_did(s, deeds[how]);
}

void sim_older_act(struct sim_story *s, const struct sim_act *a)
{
	if (a->kind == SIM_KEEP)
		keep(s, (enum sim_keep)a->a);
	else if (a->kind == SIM_FLIP)
		flip(s, a->a != 0, (uint64_t)a->b);
	else if (a->kind == SIM_MEDDLE)
		meddle(s, a->a != 0, (uint64_t)a->b);
	else if (a->kind == SIM_TWIN)
		twin(s, a->a, a->b != 0);
	else if (a->a >= 0 && a->a < SIM_BACKS)
		back_act(s, (enum sim_back)a->a);
}

void sim_older_end(struct sim_story *s)
{
	machine_forget(&s->older);
	mem_free(s->older.files);
	memset(&s->older, 0, sizeof s->older);
	sim_older_copy_ends(s);
}
