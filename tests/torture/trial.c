#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/archiver.h"

struct journal *trial_own(void)
{
	struct fail f = { 0 };
	struct journal *j;

	mortal_must(journal_own(&j, PATH, &me, &f), &f);
	return j;
}

void trial_archive(const char *kind, int64_t wall_ms)
{
	const struct retention keep[] = { { kind, 1 } };
	struct journal *j = trial_own();
	struct archiver *a = archiver_new(
	    &(struct archiver_setup){ .journal = j, .keep = keep, .keep_n = 1 });
	struct fail f = { 0 };
	bool more = true;

	while (more) {
		more = archiver_turn(a, wall_ms);
		mortal_must(journal_commit(j, &f), &f);
		more |= archiver_between(a, wall_ms, &f);
		mortal_must(f.err, &f);
	}
	archiver_free(a);
	journal_close(j);
}

void trial_expect(int is, int want, const char *when, int64_t n)
{
	if (is != want)
		fail_msg(
		    "%s, op %lld: exit %d: %s", when, (long long)n, is, mortal_why());
}

/* false: nobody can go on. */
static bool goes_on(const struct trial *t, int64_t n)
{
	int code = mortal_run(t->either, 0);

	if (code == 6 && strstr(mortal_why(), "header of its -wal is damaged"))
		return false;
	trial_expect(code, 0, "what is there", n);
	trial_expect(mortal_run(t->act, 0), 0, "once more", n);
	trial_expect(mortal_run(t->done, 0), 0, "all of it", n);
	if (t->over)
		t->over();
	return true;
}

int trial_deaths(const struct trial *t)
{
	int refused = 0, code;
	int64_t n;

	for (int power = 0; power <= 1; power++) {
		for (n = 1;; n += t->every) {
			sim_disk_put_back(disk, t->begin);
			sim_disk_seed(disk, (uint64_t)(n + 999 * power));
			code = mortal_run(t->act, n);
			if (code == 0)
				break;
			trial_expect(code, DEATH, "the death", n);
			if (power)
				sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
			refused += !goes_on(t, n);
		}
		trial_expect(mortal_run(t->done, 0), 0, "undisturbed", n);
		assert_true(n > 20);
	}
	return refused;
}

static void disk_is_full(const struct trial *t)
{
	for (int64_t room = 0; room < 4 << 20; room = room * 2 + 3000) {
		int code;

		sim_disk_put_back(disk, t->begin);
		sim_disk_room(disk, room);
		code = mortal_run(t->act, 0);
		sim_disk_room(disk, -1);
		if (code == 0)
			break;
		trial_expect(code, 3, "a full disk", room);
		(void)goes_on(t, room);
	}
}

static void syncs_fail(const struct trial *t)
{
	for (int64_t n = 1;; n++) {
		int code;

		sim_disk_put_back(disk, t->begin);
		sim_disk_fail_sync_at(disk, n);
		code = mortal_run(t->act, 0);
		sim_disk_fail_sync_at(disk, 0);
		if (code == 0)
			break;
		trial_expect(code, 3, "a failed sync", n);
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
		(void)goes_on(t, n);
	}
}

void trial_failures(const struct trial *t)
{
	disk_is_full(t);
	syncs_fail(t);
}
