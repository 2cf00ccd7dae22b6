#include <inttypes.h>
#include <stdio.h>

#include "cli/node/database.h"

#define SHOWN 10

struct telling {
	const struct cli *c;
	struct reorgdb *db;
	uint64_t blocks, events;
	struct database_bad bad;
};

static void event_json(const struct reorg_event *e, const uint64_t *deep)
{
	json_t *anchors = json_array(), *row;

	for (size_t i = 0; i < e->anchors_n; i++)
		json_array_append_new(anchors, json_string(e->anchors[i]));
	row = json_pack("{s:I, s:I, s:s, s:s, s:I, s:o}", "reorg", (json_int_t)e->number,
	    "height", (json_int_t)e->height, "old_hash", e->old_hash, "new_hash",
	    e->new_hash, "detected_ms", (json_int_t)e->detected_ms, "invalidated",
	    anchors);
	if (deep)
		json_object_set_new(row, "at_least", json_integer((json_int_t)*deep));
	cli_json(row);
}

static void event_tell(void *ctx, const struct reorg_event *e)
{
	const struct telling *t = ctx;
	uint64_t deep;
	bool below;

	/* What can't be read is told of with all that can't. */
	if (reorgdb_below(t->db, e->number, &deep, &below, NULL) != ERR_OK)
		below = false;
	if (t->c->args.json) {
		event_json(e, below ? &deep : NULL);
		return;
	}
	if (below)
		printf("Reorg at or below height %" PRIu64 ", at least %" PRIu64
		       " deep\n",
		    e->height, deep);
	else
		printf("Reorg at height %" PRIu64 "\n", e->height);
	if (t->c->args.quiet)
		return;
	printf("  %s gave way to %s\n", e->old_hash[0] ? e->old_hash : "nothing",
	    e->new_hash[0] ? e->new_hash : "nothing");
	for (size_t i = 0; i < e->anchors_n; i++)
		printf("  anchor %s was invalidated\n", e->anchors[i]);
}

static void block_count(void *ctx, uint64_t height, const char *hash)
{
	struct telling *t = ctx;

	(void)height;
	(void)hash;
	t->blocks++;
}

static void event_count(void *ctx, const struct reorg_event *e)
{
	struct telling *t = ctx;

	(void)e;
	t->events++;
}

static void bad_tell(void *ctx, const char *key, const char *why)
{
	struct telling *t = ctx;

	database_bad_tell(&t->bad, key, why);
}

/* Each value is read once more with what is told of it: all of it, for damage. */
static enum err examine(struct reorgdb *db, struct telling *t, struct fail *f)
{
	const struct reorgdb_visitor v = {
		.ctx = t, .block = block_count, .event = event_count, .bad = bad_tell
	};
	enum err e = reorgdb_visit(db, &v, f);

	if (t->c->args.json)
		cli_json(json_pack("{s:I, s:I, s:I, s:b}", "blocks",
		    (json_int_t)t->blocks, "reorgs", (json_int_t)t->events, "bad",
		    (json_int_t)t->bad.n, "whole", e == ERR_OK));
	else if (e == ERR_OK)
		cli_say(t->c,
		    "%" PRIu64 " block%s and %" PRIu64 " reorg%s are in the database.",
		    t->blocks, t->blocks == 1 ? "" : "s", t->events,
		    t->events == 1 ? "" : "s");
	return database_end(&t->bad, e, reorgdb_path(db), f);
}

enum err cmd_node_reorgs(struct cli *c, struct fail *f)
{
	const char *n = args_word(&c->args, 0);
	struct telling t = { .c = c, .bad = { .c = c } };
	const struct reorgdb_visitor v = { .ctx = &t, .event = event_tell };
	uint64_t max = SHOWN;
	struct reorgdb *db;
	enum err e = n ? args_number(&max, "N", n, 1, SIZE_MAX, f) : ERR_OK;

	if (e == ERR_OK)
		e = database_open(&db, c, "--db-path", REORGDB_READ, f);
	if (e != ERR_OK)
		return e;
	t.db = db;
	e = reorgdb_history(db, (size_t)max, &v, f);
	if (e == ERR_OK)
		e = examine(db, &t, f);
	reorgdb_close(db);
	return e;
}
