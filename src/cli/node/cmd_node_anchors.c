#include <inttypes.h>
#include <stdio.h>

#include "cli/config/ref.h"
#include "cli/node/database.h"

struct listing {
	const struct cli *c;
	bool only;
	int status;
	uint64_t n[ANCHOR_STATUSES];
	struct database_bad bad;
};

static void tell_json(const struct anchor_record *a)
{
	cli_json(json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "anchor", a->hash,
	    "status", anchor_status_name(a->status), "txid", a->txid, "height",
	    (json_int_t)a->height, "confirmations", (json_int_t)a->confirmations,
	    "broadcast_ms", (json_int_t)a->broadcast_ms, "retries",
	    (json_int_t)a->retries, "state_root", a->root));
}

static void tell_text(const struct anchor_record *a)
{
	printf("%s %s", a->hash, anchor_status_name(a->status));
	if (a->height)
		printf(", height %" PRIu64 ", %" PRIu64 " confirmation%s", a->height,
		    a->confirmations, a->confirmations == 1 ? "" : "s");
	if (a->txid[0])
		printf(", transaction %s", a->txid);
	else if (a->status == ANCHOR_PENDING)
		printf(", waits for its transaction");
	else /* given up: nobody is to send one */
		printf(", without a transaction");
	if (a->root[0])
		printf(", root %s", a->root);
	putchar('\n');
}

static void list(void *ctx, const struct anchor_record *a)
{
	struct listing *l = ctx;

	l->n[a->status]++;
	if (a->unread_there)
		cli_warn(l->c,
		    "anchor:%s has no state root: the node that wrote it can't read it "
		    "back",
		    a->hash);
	if (l->only && a->status != l->status)
		return;
	if (l->c->args.json)
		tell_json(a);
	else
		tell_text(a);
}

static void list_bad(void *ctx, const char *key, const char *why)
{
	struct listing *l = ctx;

	database_bad_tell(&l->bad, key, why);
}

/* The lines of the guide, and one more where there are any. */
static void sums(const struct listing *l)
{
	if (l->c->args.json) {
		cli_json(json_pack("{s:I, s:I, s:I, s:I, s:I}", "pending",
		    (json_int_t)l->n[ANCHOR_PENDING], "confirmed",
		    (json_int_t)l->n[ANCHOR_CONFIRMED], "invalidated",
		    (json_int_t)l->n[ANCHOR_INVALIDATED_REORG], "orphaned",
		    (json_int_t)l->n[ANCHOR_FAILED_ORPHANED], "bad",
		    (json_int_t)l->bad.n));
		return;
	}
	printf("Pending: %" PRIu64 "\nConfirmed: %" PRIu64 "\nInvalidated: %" PRIu64 "\n",
	    l->n[ANCHOR_PENDING], l->n[ANCHOR_CONFIRMED], l->n[ANCHOR_INVALIDATED_REORG]);
	if (l->n[ANCHOR_FAILED_ORPHANED])
		printf("Orphaned: %" PRIu64 "\n", l->n[ANCHOR_FAILED_ORPHANED]);
}

enum err cmd_node_anchors(struct cli *c, struct fail *f)
{
	const char *status = args_get(&c->args, "--status");
	struct listing l = { .c = c, .only = status != NULL, .bad = { .c = c } };
	const struct reorgdb_visitor v = { .ctx = &l, .anchor = list, .bad = list_bad };
	char shown[REF_SHOWN_MAX];
	struct reorgdb *db;
	size_t lacks;
	enum err e;

	if (status && !anchor_status_parse(&l.status, status))
		return fail_set(f, ERR_USAGE,
		    "--status is PENDING, CONFIRMED, INVALIDATED_REORG or "
		    "FAILED_ORPHANED, and not %s",
		    ref_shown(shown, status));
	e = database_open(&db, c, "--db-path", REORGDB_READ, f);
	if (e != ERR_OK)
		return e;
	e = reorgdb_visit(db, &v, f);
	if (e == ERR_OK) /* else nobody knows how many there are */
		sums(&l);
	e = database_end(&l.bad, e, reorgdb_path(db), f);
	lacks = e == ERR_OK ? database_lacks(c, db, NULL) : 0;
	if (lacks)
		e = fail_set(
		    f, ERR_NOT_FOUND, "%s: " DATABASE_LACKS, reorgdb_path(db), lacks);
	reorgdb_close(db);
	return e;
}
