/* change.h - one change of the state, as a line of JSON says it (changes.def).
 *
 * Lines come from outside: bounded, and each member known, of its type and within its
 * limits, or the line is refused with a sentence that names it. Pure: the fuzzer runs it.
 * What is written down of a change is one text, whatever the line looked like.
 */
#ifndef PAWL_KINDS_NODE_STATE_CHANGE_H
#define PAWL_KINDS_NODE_STATE_CHANGE_H

#include <jansson.h>

#include "base/buf.h"
#include "kinds/node/snapshot/state.h"

#define CHANGE_LINE_MAX ((size_t)16 * 1024)
#define CHANGE_ID_MAX 128
#define CHANGE_PEER_MAX 256
#define CHANGE_TEXT_MAX 1024

enum change_kind {
#define CHANGE(name, doc) CHANGE_##name,
#define MEMBER(...)
#include "kinds/node/state/changes.def"
#undef CHANGE
#undef MEMBER
	CHANGE_COUNT
};

struct change {
	enum change_kind kind;
	struct l2_bytes id; /* empty: it has none */
	bool has_at;        /* it says when it is to be dated */
	int64_t at_ms;
	/* Those of its row in changes.def; the others are empty. */
	struct l2_bytes peer, from, to, task, client, worker, txid, source, dest, peg,
	    anchor, submitter, payload_hash, state_root, why;
	uint64_t amount, confirmations, vout, type, priority, locked, made_ms, by_hand,
	    height;
	json_t *root; /* what the texts borrow from.. */
	struct arena arena;
};

/* Release it also when that failed. fails: INPUT, TOO_BIG. */
NODISCARD enum err change_parse(
    struct change *ret, const char *line, size_t len, struct fail *f);
void change_release(struct change *c);

/* Without its id: equal lines are equal changes. With it: a line that says the same. */
void change_format(struct buf *out, const struct change *c, bool with_id);

const char *change_name(enum change_kind kind); /* "escrow_lock" */

/* No text of a state may be so: its root would be that of another state, too. */
bool change_is_ambiguous(struct l2_bytes text);

/* "NAME":"..", or as hexadecimal digits "NAME_hex":"..", where it is no UTF-8. */
void change_text_format(struct buf *out, const char *name, struct l2_bytes text);

/* Of a JSON object, under either name; false: it is neither, or no text. What is not
 * borrowed lies in the arena. *ret_there: it has one of them. */
bool change_text_get(struct l2_bytes *ret, struct arena *arena, const json_t *o,
    const char *name, bool *ret_there);

/* A whole number of 64 bits: as text in decimal, or as a number. */
bool change_number_get(uint64_t *ret, const json_t *value);

/* For sentences: short, and printable. */
#define CHANGE_SHOWN_MAX 48
const char *change_shown(char out[CHANGE_SHOWN_MAX], struct l2_bytes text);

#endif
