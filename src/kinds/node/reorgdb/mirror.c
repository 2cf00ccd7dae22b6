#include "kinds/node/reorgdb/mirror.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/outbox.h"
#include "kinds/node/reorgdb/changes.h"

#define AGAIN_MS 60000

/* What a worker does. It has the database to itself meanwhile. */
struct mirror_job {
	struct mirror *mirror;
	bool opens, looks;        /* else it writes */
	struct changes changes;   /* to write, once it is open */
	struct holdings holdings; /* what it had when it was opened */
	size_t written;
	enum err err;
	struct fail fail;
};

struct mirror {
	struct world *world;
	struct journal *journal;
	char *path;
	struct reorgdb *db;     /* NULL: it is to be opened */
	struct mirror_job *out; /* on its way; NULL: none */
	struct mirror_job *back;
	bool took;      /* anchors of the database, and nobody asked yet */
	bool compared;  /* all that the journal has was compared, in this life */
	size_t written; /* when it was */
	int64_t told;   /* up to this move */
	int64_t again_ms, look_ms;
	char trouble[1000];
};

static void job_free(void *ctx)
{
	struct mirror_job *job = ctx;

	changes_release(&job->changes);
	holdings_release(&job->holdings);
	mem_free(job);
}

/* -- a worker's part ------------------------------------------------------- */

static void job_run(void *ctx)
{
	struct mirror_job *job = ctx;
	struct mirror *m = job->mirror;

	if (job->opens) {
		job->err = reorgdb_open(&m->db, m->path, REORGDB_CREATE, &job->fail);
		if (job->err == ERR_OK)
			job->err = holdings_read(&job->holdings, m->db, &job->fail);
	} else if (job->looks) {
		job->err = reorgdb_stands(m->db, &job->fail);
	} else {
		job->err = changes_write(&job->changes, m->db, &job->written, &job->fail);
	}
	if (job->err != ERR_OK) {
		reorgdb_close(m->db);
		m->db = NULL;
	}
}

static void job_done(void *ctx)
{
	struct mirror_job *job = ctx;

	job->mirror->out = NULL;
	job->mirror->back = job;
}

static void job_release(void *ctx)
{
	struct mirror_job *job = ctx;

	world_work(job->mirror->world, job_run, job_done, job);
}

static void job_drop(void *ctx)
{
	struct mirror_job *job = ctx;

	job->mirror->out = NULL;
	job_free(job);
}

/* Behind the commit, which is that of the rows that it tells. */
static void job_queue(struct mirror *m, struct runner *r, struct mirror_job *job)
{
	job->mirror = m;
	m->out = job;
	outbox_add(r->outbox,
	    &(struct effect){ .release = job_release, .drop = job_drop, .job = job });
}

/* -- a turn's part --------------------------------------------------------- */

static void failed(struct mirror *m, const struct mirror_job *job)
{
	m->compared = false;
	m->again_ms = world_now_ms(m->world) + (job->looks ? 0 : AGAIN_MS);
	if (job->err == ERR_STOPPED)
		return; /* the process ends: it says nothing of the database */
	if (strcmp(m->trouble, job->fail.why) != 0)
		log_warn("node", "%s", job->fail.why);
	snprintf(m->trouble, sizeof m->trouble, "%s", job->fail.why);
}

static void opened(struct mirror *m, const struct mirror_job *job)
{
	const struct holdings *h = &job->holdings;
	struct adopted a;

	holdings_adopt(&a, m->journal, h, world_wall_ms(m->world));
	m->took |= a.anchors > 0;
	if (a.anchors || a.events)
		log_info("node",
		    "the journal has taken over %zu anchor%s and %zu reorg%s of %s",
		    a.anchors, a.anchors == 1 ? "" : "s", a.events,
		    a.events == 1 ? "" : "s", m->path);
	if (a.unfit)
		log_warn("node", "%s: %zu anchor%s stay%s where %s, for want of a hash",
		    m->path, a.unfit, a.unfit == 1 ? "" : "s", a.unfit == 1 ? "s" : "",
		    a.unfit == 1 ? "it is" : "they are");
	if (h->bad_n)
		log_warn("node", "%s: %zu value%s not what %s should be, the first: %s",
		    m->path, h->bad_n, h->bad_n == 1 ? " is" : "s are",
		    h->bad_n == 1 ? "it" : "they", h->first_bad);
}

static void take(struct mirror *m)
{
	struct mirror_job *job = m->back;

	m->back = NULL;
	if (job->err != ERR_OK) {
		failed(m, job);
	} else if (job->opens) {
		opened(m, job);
	} else if (!job->looks) {
		m->trouble[0] = '\0';
		if (!m->compared)
			m->written = job->written;
		m->told = (int64_t)job->changes.mark.change;
		m->compared = true;
	}
	job_free(job);
}

static void tell(struct mirror *m, struct runner *r)
{
	struct mirror_job *job = mem_new(sizeof *job);

	/* Nothing is believed of what was told in another life. */
	changes_read(&job->changes, m->journal, m->compared ? m->told : 0);
	job_queue(m, r, job);
}

static void look(struct mirror *m, struct runner *r)
{
	struct mirror_job *job = mem_new(sizeof *job);

	job->looks = true;
	m->look_ms = world_now_ms(m->world) + AGAIN_MS;
	job_queue(m, r, job);
}

void mirror_turn(struct mirror *m, struct runner *r)
{
	int64_t now = world_now_ms(m->world);
	struct mirror_job *job;

	if (m->back)
		take(m);
	if (m->out)
		return;
	if (!m->db) {
		runner_wake_at(r, m->again_ms > now ? m->again_ms : now + AGAIN_MS);
		if (m->again_ms > now)
			return;
		job = mem_new(sizeof *job);
		job->opens = true;
		job_queue(m, r, job);
	} else if (!mirror_whole(m)) {
		tell(m, r);
	} else if (now >= m->look_ms && !MUTANT(mirror_looks_when_it_writes)) {
		look(m, r);
	} else {
		runner_wake_at(r, m->look_ms);
	}
}

bool mirror_took(struct mirror *m)
{
	bool took = m->took;

	m->took = false;
	return took;
}

bool mirror_whole(const struct mirror *m)
{
	return m->compared && m->told == anchors_moves(m->journal);
}

size_t mirror_written(const struct mirror *m)
{
	return m->written;
}

const char *mirror_trouble(const struct mirror *m)
{
	return m->trouble[0] ? m->trouble : NULL;
}

/* -- its life -------------------------------------------------------------- */

struct mirror *mirror_new(struct world *w, struct journal *j, const char *path)
{
	struct mirror *m = mem_new(sizeof *m);

	m->world = w;
	m->journal = j;
	m->path = mem_str(path);
	return m;
}

void mirror_free(struct mirror *m)
{
	if (!m)
		return;
	if (m->back)
		job_free(m->back);
	reorgdb_close(m->db);
	mem_free(m->path);
	mem_free(m);
}
