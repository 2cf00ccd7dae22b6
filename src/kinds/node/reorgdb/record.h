/* record.h - the keys and values of the reorg database, byte for byte as the node that
 * the guide describes writes them.
 *
 *   block: + height in 20 digits     hash of the block
 *   anchor: + anchor hash            hash|txid|height|confirmations|broadcast|retries|
 *                                    status|root of the state
 *   reorg: + number in 20 digits     height|old hash|new hash|detected|n[|anchor hash]..
 *   reorg_counter                    number of the next event, in decimal
 *   pawl:mark                        how far the journal's changes are in it: ours alone
 *   pawl:below: + number in 20 digits  so many blocks gave way in that event at least,
 * and what stood below its height is not known: ours alone
 *
 * Nothing is escaped. So a value is written only if that node reads the same back: each
 * text that must be there is, and none holds '|', a blank or what is not printable. One
 * thing is its reader's own: from the second anchor hash of an event on it loses the
 * first character. The bytes are right all the same.
 *
 * Reading is strict: the fields are as many as belong there, a number is its shortest
 * decimal form within 64 bits, a status is one of four. What is not so is refused with
 * the offset of the byte; nothing reads as a silent zero. What that node could write but
 * not read back (an anchor without a root of the state) is read, and marked.
 */
#ifndef PAWL_KINDS_NODE_REORGDB_RECORD_H
#define PAWL_KINDS_NODE_REORGDB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/states.h"

#define RECORD_TEXT_MAX 255      /* of a hash, txid or root: they have 64 */
#define RECORD_ANCHORS_MAX 65536 /* of one event */
#define RECORD_KEY_MAX 320
#define RECORD_VALUE_MAX (16u << 20)

#define KEY_COUNTER "reorg_counter"
#define KEY_MARK "pawl:mark"

/* ANCHOR_PENDING.. of states.def; the numbers are in databases. */
#define ANCHOR_STATUSES 4

const char *anchor_status_name(int status); /* "PENDING" */
/* In either case of letters, or its number. */
bool anchor_status_parse(int *ret, const char *text);

struct anchor_record {
	char hash[RECORD_TEXT_MAX + 1];
	char txid[RECORD_TEXT_MAX + 1]; /* "": it has no transaction yet */
	uint64_t height;                /* of the block that has it; 0: none */
	uint64_t confirmations;
	uint64_t broadcast_ms; /* 0: it was not */
	uint64_t retries;
	int status;
	char root[RECORD_TEXT_MAX + 1]; /* "": read, never written */
	bool unread_there; /* that node can't read it back, and so has no such
			      anchor; only from reading */
};

struct reorg_event {
	uint64_t number;
	uint64_t height;                    /* the lowest that has another block now */
	char old_hash[RECORD_TEXT_MAX + 1]; /* of that height */
	char new_hash[RECORD_TEXT_MAX + 1]; /* "": the chain is shorter now */
	uint64_t detected_ms;
	size_t anchors_n; /* that it invalidated */
	char (*anchors)[RECORD_TEXT_MAX + 1];
};

/* How far it got with the journal (mirror.h); anything else under the key is refused. */
struct record_mark {
	char journal[33]; /* which one: hex */
	uint64_t change;  /* all up to this one are in */
};

void reorg_event_init(struct reorg_event *e);
void reorg_event_release(struct reorg_event *e);
/* Room for n more, within RECORD_ANCHORS_MAX; it is zeroed, and counted. */
NODISCARD enum err reorg_event_add(
    struct reorg_event *e, const char *anchor, struct fail *f);

/* -- keys: NUL-ended, within RECORD_KEY_MAX --------------------------------- */
void key_block(char out[RECORD_KEY_MAX], uint64_t height);
void key_anchor(char out[RECORD_KEY_MAX], const char *hash);
void key_event(char out[RECORD_KEY_MAX], uint64_t number);
void key_below(char out[RECORD_KEY_MAX], uint64_t number);

enum key_kind {
	KEY_OTHER,
	KEY_BLOCK,
	KEY_ANCHOR,
	KEY_EVENT,
	KEY_BELOW,
	KEY_IS_COUNTER,
	KEY_IS_MARK
};
/* Of which kind it is, and the number in it. A key that begins as one with a number and
 * has not 20 digits behind it that fit 64 bits, an anchor's without a hash: INPUT. */
NODISCARD enum err key_read(enum key_kind *ret, uint64_t *ret_number, const char *key,
    size_t len, struct fail *f);

/* -- values -----------------------------------------------------------------
 * A format appends nothing when it fails (INPUT, names the field). A parse fails with
 * INPUT, "at byte N: what". hash: what the key of an anchor says; NULL: not compared. */
NODISCARD enum err block_format(struct buf *out, const char *hash, struct fail *f);
NODISCARD enum err block_parse(
    char ret[RECORD_TEXT_MAX + 1], const char *value, size_t len, struct fail *f);
NODISCARD enum err anchor_format(
    struct buf *out, const struct anchor_record *a, struct fail *f);
NODISCARD enum err anchor_parse(struct anchor_record *ret, const char *hash,
    const char *value, size_t len, struct fail *f);
NODISCARD enum err event_format(
    struct buf *out, const struct reorg_event *e, struct fail *f);
/* ret is released first, and holds nothing when it fails; its number is the caller's. */
NODISCARD enum err event_parse(
    struct reorg_event *ret, const char *value, size_t len, struct fail *f);
NODISCARD enum err counter_parse(
    uint64_t *ret, const char *value, size_t len, struct fail *f);
void mark_format(struct buf *out, const struct record_mark *m);
NODISCARD enum err mark_parse(
    struct record_mark *ret, const char *value, size_t len, struct fail *f);

#endif
