#include "mortal.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/sql.gen.h"

#define WHY_SIZE 600

struct sim_disk *disk;
const struct owner me = { .pid = 1, .host = "lathe" };

static char *why;

static void die(void *ctx)
{
	(void)ctx;
	_exit(DEATH);
}

static struct sim_disk_process process = { .id = 1, .die = die };

void mortal_say(enum err e, const char *text)
{
	snprintf(why, WHY_SIZE, "%s: %s", err_name(e), text);
	_exit(err_exit_code(e));
}

void mortal_must(enum err e, const struct fail *f)
{
	if (e != ERR_OK)
		mortal_say(e, f->why);
}

void *mortal_share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

bool mortal_begin(size_t file_max)
{
	disk = mortal_share(sim_disk_size(file_max));
	why = mortal_share(WHY_SIZE);
	process.disk = disk;
	sim_disk_install();
	sim_disk_use(&process);
	return disk && why;
}

int mortal_run(void (*act)(void), int64_t die_at)
{
	int status;
	pid_t pid;

	sim_disk_process_end(&process); /* the one before */
	sim_disk_die_at(disk, die_at);
	pid = fork();
	if (pid == 0) {
		journal_die = mortal_say;
		act();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *mortal_why(void)
{
	return why;
}

int64_t rows(struct journal *j)
{
	struct sql_chain_by_identity_out o;
	int64_t n = 0;

	while (sql_chain_by_identity_one(
	    j, &(struct sql_chain_by_identity_in){ .chain_id = n + 1 }, &o))
		n++;
	return n;
}
