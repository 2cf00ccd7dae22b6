#include "twins.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static pid_t rise(struct twins *t, int k)
{
	struct armed death = t->next(t->ctx, k);
	pid_t pid;

	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	if (k)
		stage_be_copy(t->stage);
	life_live(t->stage, &death);
}

/* It had the baton, and has no more use for it. */
static void leave(struct twins *t, int k)
{
	struct baton *b = t->stage->baton;

	b->alive[k] = false;
	if (b->alive[!k])
		CHECK(sem_post(&b->go[!k]) == 0);
}

static int ended(struct twins *t, int k, int status, pid_t pid[2])
{
	int end = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);

	if (t->died(t->ctx, k, end)) {
		pid[k] = rise(t, k);
		CHECK(sem_post(&t->stage->baton->go[k]) == 0);
		return LIFE_DONE;
	}
	t->stopped[k] = end == LIFE_STOPPED;
	leave(t, k);
	return end == LIFE_STOPPED ? LIFE_DONE : end;
}

int twins_live(struct twins *t)
{
	struct baton *b = t->stage->baton;
	int end = LIFE_DONE, status;
	pid_t pid[2];

	for (int k = 0; k < 2; k++) {
		b->alive[k] = true;
		b->due_ms[k] = 0;
	}
	for (int k = 0; k < 2; k++)
		pid[k] = rise(t, k);
	CHECK(sem_post(&b->go[0]) == 0);
	while (end == LIFE_DONE && (b->alive[0] || b->alive[1])) {
		pid_t gone = waitpid(-1, &status, 0);

		CHECK(gone > 0 || errno == EINTR);
		for (int k = 0; k < 2; k++)
			if (gone == pid[k] && b->alive[k]) {
				end = ended(t, k, status, pid);
				break;
			}
	}
	for (int k = 0; k < 2; k++)
		if (b->alive[k]) {
			b->alive[k] = false;
			kill(pid[k], SIGKILL);
			waitpid(pid[k], &status, 0);
		}
	return end;
}
