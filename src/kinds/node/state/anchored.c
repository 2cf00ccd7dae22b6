/* anchored.c - that a state is to be put on Bitcoin, and was. It moves no row of the
 * state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/sha256.h"
#include "engine/states.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/state/book_in.h"

int anchor_payload(
    char out[ANCHOR_PAYLOAD], uint8_t hash[32], struct l2_bytes root, uint64_t made_ms)
{
	int n = snprintf(out, ANCHOR_PAYLOAD, "%.*s:%" PRIu64 ":", (int)root.len,
	    root.len ? root.at : "", made_ms);

	sha256(hash, out, (size_t)n);
	return n;
}

void book_rooted_by(struct book *b, book_rooted_fn *rooted, void *ctx)
{
	b->rooted = rooted;
	b->rooted_ctx = ctx;
}

/* One that is known stays as it is. */
enum err anchor_do(struct book *b, const struct change *c, struct fail *f)
{
	struct anchor a = { .status = ANCHOR_PENDING, .made_ms = (int64_t)c->made_ms },
		      was;
	char payload[ANCHOR_PAYLOAD];
	int n = anchor_payload(payload, a.hash.at, c->state_root, c->made_ms);
	enum err e;

	if (c->made_ms > INT64_MAX)
		return fail_set(f, ERR_INPUT,
		    "made_ms: %" PRIu64 " is no time in milliseconds since 1970",
		    c->made_ms);
	if (!hex_parse(a.root.at, 32, c->state_root.at, c->state_root.len))
		return fail_set(f, ERR_INPUT, "state_root: no hash");
	a.change = b->changes + 1;
	if (anchor_find(b->journal, &a.hash, &was))
		return ERR_OK;
	if (!b->rooted)
		return fail_set(f, ERR_INPUT,
		    "no anchor is made where nobody reads the log of snapshots: pawl "
		    "node create-anchor writes the snapshot of a state and its anchor");
	e = b->rooted(b->rooted_ctx, c, f);
	if (e == ERR_OK)
		(void)anchor_add(b->journal, &a, payload, (size_t)n);
	return e;
}

enum err anchor_sent(struct book *b, const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct hash hash, txid;
	struct anchor a;

	if (!hex_parse(hash.at, sizeof hash.at, c->anchor.at, c->anchor.len) ||
	    !hex_parse(txid.at, sizeof txid.at, c->txid.at, c->txid.len) ||
	    !anchor_find(b->journal, &hash, &a))
		return fail_set(f, ERR_INPUT, "there is no anchor %s",
		    change_shown(shown, c->anchor));
	if (a.in_block && !hash_same(&a.txid, &txid))
		return fail_set(f, ERR_INPUT,
		    "block %" PRIu64 " has the transaction of anchor %s already",
		    a.height, change_shown(shown, c->anchor));
	anchor_broadcast(b->journal, &a, &txid, b->at_ms);
	return c->height ? missed_want(b->journal, c->height, f) : ERR_OK;
}
