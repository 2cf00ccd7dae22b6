#include "world/loop.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

#define WORKERS_MIN 2u
#define WORKERS_MAX 4u

struct job {
	uv_work_t work;
	struct outcome outcome;
	struct uv_world *world;
	work_fn *run, *done;
	void *job;
};

void workers_init(void)
{
	unsigned n = uv_available_parallelism();
	char text[16];

	if (n < WORKERS_MIN)
		n = WORKERS_MIN;
	if (n > WORKERS_MAX)
		n = WORKERS_MAX;
	(void)snprintf(text, sizeof(text), "%u", n);
	CHECK(setenv("UV_THREADPOOL_SIZE", text, 0) == 0);
}

static void deliver(void *of)
{
	struct job *j = of;

	j->done(j->job);
	mem_free(j);
}

static void on_work(uv_work_t *work)
{
	struct job *j = work->data;

	j->run(j->job);
}

static void on_worked(uv_work_t *work, int status)
{
	struct job *j = work->data;

	CHECK(status == 0); /* nobody cancels */
	j->world->jobs--;
	world_post(j->world, &j->outcome);
}

void workers_add(struct uv_world *w, work_fn *run, work_fn *done, void *job)
{
	struct job *j = mem_new(sizeof(*j));

	j->work.data = j;
	j->outcome.deliver = deliver;
	j->outcome.of = j;
	j->world = w;
	j->run = run;
	j->done = done;
	j->job = job;
	w->jobs++;
	CHECK(uv_queue_work(&w->loop, &j->work, on_work, on_worked) == 0);
}
