#include "kinds/node/snapshot/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/hex.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "crypto/sha256.h"

const char *l2_fault_name(enum l2_fault fault)
{
	static const char *const names[] = {
		[L2_HOLDS] = "holds",
		[L2_MALFORMED] = "malformed",
		[L2_NO_ANCHOR] = "no anchor",
		[L2_ROOT_DIFFERS] = "root differs",
		[L2_HASH_DIFFERS] = "hash differs",
		[L2_NOT_BOUND] = "payload is not bound to the root",
		[L2_PEGOUT_UNBACKED] = "a peg-out stands on no known anchor",
	};

	return names[fault];
}

static void PRINTF(3, 4)
    fault(struct l2_verdict *v, enum l2_fault what, const char *fmt, ...)
{
	va_list ap;

	if (v->fault)
		return;
	v->fault = what;
	va_start(ap, fmt);
	vsnprintf(v->why, sizeof v->why, fmt, ap);
	va_end(ap);
	utf8_plain(v->why);
}

static void shown(char out[L2_HEX], struct l2_bytes text)
{
	size_t n = text.len < L2_HEX - 1 ? text.len : L2_HEX - 1;

	if (n)
		memcpy(out, text.at, n);
	out[n] = '\0';
	utf8_plain(out);
}

/* Is payload just "root:time:metadata"? */
static bool is_bound(const struct l2_anchor *a)
{
	char time[24];
	size_t n = (size_t)snprintf(
	    time, sizeof time, ":%llu:", (unsigned long long)a->timestamp_ms);
	const char *p = a->payload.at;

	if (a->payload.len != a->root.len + n + a->metadata.len)
		return false;
	return l2_same((struct l2_bytes){ p, a->root.len }, a->root) &&
	    memcmp(p + a->root.len, time, n) == 0 &&
	    l2_same(
		(struct l2_bytes){ p + a->root.len + n, a->metadata.len }, a->metadata);
}

void l2_check_anchor(
    struct l2_verdict *v, const struct l2_anchor *anchor, const struct l2_rules *rules)
{
	uint8_t hash[32];
	char hex[L2_HEX];

	v->anchored = anchor->there;
	if (!anchor->there) {
		if (rules->anchor_needed)
			fault(
			    v, L2_NO_ANCHOR, "No anchor commitment present in snapshot.");
		return;
	}
	v->anchored_ms = anchor->timestamp_ms;
	shown(v->anchor_root, anchor->root);
	shown(v->anchor_hash, anchor->hash);
	if (!l2_same(anchor->root, l2_text(v->root)))
		fault(v, L2_ROOT_DIFFERS,
		    "Anchor state root mismatch. expected=%s anchor=%s", v->root,
		    v->anchor_root);
	sha256(hash, anchor->payload.len ? anchor->payload.at : "", anchor->payload.len);
	hex_format(hex, hash, sizeof hash);
	if (anchor->hash.len != L2_HEX - 1 ||
	    strncasecmp(anchor->hash.at, hex, L2_HEX - 1) != 0)
		fault(v, L2_HASH_DIFFERS, "Anchor hash mismatch. expected=%s anchor=%s",
		    hex, v->anchor_hash);
	if (!is_bound(anchor) && !MUTANT(l2_not_bound))
		fault(v, L2_NOT_BOUND,
		    "Anchor payload is not bound to the state: it is not root, time and "
		    "metadata of its anchor");
}

void l2_check_pegout(struct l2_verdict *v, const struct l2_pegout *pegout,
    const struct l2_anchor *anchor, const struct l2_rules *rules)
{
	struct l2_bytes wanted = { 0 };
	bool known;

	if (rules->strict_upstream) {
		wanted = anchor->hash;
		known = l2_same(pegout->anchor, wanted);
	} else {
		known = !rules->knows_anchor ||
		    (pegout->anchor.len &&
			rules->knows_anchor(rules->ctx, pegout->anchor));
	}
	if (known)
		return;
	v->unbacked++;
	if (rules->unbacked)
		rules->unbacked(rules->ctx, pegout->id, pegout->anchor, wanted);
	fault(v, L2_PEGOUT_UNBACKED, "Peg-out %.*s stands on no anchor that is known",
	    (int)(pegout->id.len < 80 ? pegout->id.len : 80), pegout->id.at);
}
