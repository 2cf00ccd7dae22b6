/* state.h - the state of a layer 2 as values, and its root.
 *
 * Five lists, a time, and the anchor that names it. Texts (ids, addresses, hashes) are
 * runs of bytes and not C strings: they may hold a NUL, quotes, and what is no UTF-8.
 * What a state owns lies in its arena, and goes with it.
 *
 * The root is SHA-256 over a text of all records, sorted by id byte by byte, in lower
 * case hexadecimal: docs/node/snapshot-log.md has it line by line. The time of the
 * snapshot and the anchor are no part of it. In that text ids are parted by colons and
 * records by line feeds, so an id that holds one of them makes the root ambiguous: two
 * states could have it. l2_state_check refuses those, as it refuses an id that is there
 * twice. Each u64 is as the writer had it; times of escrows and tasks are milliseconds,
 * those of pegs are seconds.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_STATE_H
#define PAWL_KINDS_NODE_SNAPSHOT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

#define L2_HEX 65 /* a root or hash as text, with its NUL */
#define L2_FIELDS_MAX 10

struct l2_bytes {
	const char *at; /* may be NULL when len is 0 */
	size_t len;
};

struct l2_balance {
	struct l2_bytes peer;
	uint64_t amount;
};

struct l2_escrow {
	struct l2_bytes task, client;
	uint64_t amount;
	bool locked;
	uint64_t created_ms;
};

struct l2_pegin {
	struct l2_bytes id, btc_tx;
	uint32_t vout;
	uint64_t amount;
	struct l2_bytes source, dest; /* on Bitcoin; the peer here */
	int32_t status;
	uint64_t confirmations, initiated_s, completed_s;
};

struct l2_pegout {
	struct l2_bytes id, source, dest; /* the peer here; on Bitcoin */
	uint64_t burn, release;
	int32_t status;
	struct l2_bytes anchor; /* hash of the anchor that it stands on; may be empty */
	uint64_t initiated_s, completed_s;
};

struct l2_task {
	struct l2_bytes id;
	int32_t type, priority;
	struct l2_bytes submitter;
	uint64_t submitted_ms;
	struct l2_bytes payload_hash, anchor; /* either may be empty */
};

/* Payload is "root:time:metadata", hash its SHA-256. As read: nothing of it is checked.
 */
struct l2_anchor {
	bool there;
	struct l2_bytes root;
	uint64_t timestamp_ms;
	struct l2_bytes metadata, payload, hash;
};

/* In the order of the file and of the root. */
enum l2_list { L2_BALANCES, L2_ESCROWS, L2_PEGINS, L2_PEGOUTS, L2_TASKS, L2_LISTS };

struct l2_state {
	uint64_t timestamp_ms;
	struct l2_balance *balances;
	struct l2_escrow *escrows;
	struct l2_pegin *pegins;
	struct l2_pegout *pegouts;
	struct l2_task *tasks;
	size_t balances_n, escrows_n, pegins_n, pegouts_n, tasks_n;
	struct l2_anchor anchor;
	struct arena arena;
	size_t cap[L2_LISTS];
};

/* -- what a record is made of: for those who read and write any of them ------- */

enum l2_type { L2_TEXT, L2_U64, L2_U32, L2_INT, L2_BOOL };

struct l2_field {
	const char *name;
	enum l2_type type;
	size_t at; /* in the record */
};

struct l2_kind {
	const char *one, *many;                /* "balance", "balances" */
	size_t size, list, list_n;             /* of a record; where in a state */
	size_t fields_n;                       /* the first one is the id, a text */
	struct l2_field fields[L2_FIELDS_MAX]; /* in the order of file and root */
};

extern const struct l2_kind l2_kinds[L2_LISTS];

/* Room for a record of any list. */
union l2_record {
	struct l2_balance balance;
	struct l2_escrow escrow;
	struct l2_pegin pegin;
	struct l2_pegout pegout;
	struct l2_task task;
};

static inline struct l2_bytes l2_text(const char *s)
{
	return (struct l2_bytes){ s, strlen(s) };
}

static inline bool l2_same(struct l2_bytes a, struct l2_bytes b)
{
	return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

/* As memcmp: byte by byte, a shorter one before those that it begins. */
int l2_compare(struct l2_bytes a, struct l2_bytes b);

/* A field of a record: the caller knows its type. A number of any type as 64 bits, a
 * negative int as the two's complement of it. */
static inline struct l2_bytes l2_field_text(
    const void *record, const struct l2_field *field)
{
	struct l2_bytes text;

	memcpy(&text, (const char *)record + field->at, sizeof text);
	return text;
}
uint64_t l2_field_number(const void *record, const struct l2_field *field);
/* v must fit the type. */
void l2_field_put(void *record, const struct l2_field *field, uint64_t v);

/* -- a state ----------------------------------------------------------------- */

void l2_state_init(struct l2_state *s); /* empty, without an anchor */
void l2_state_release(struct l2_state *s);

size_t l2_state_n(const struct l2_state *s, enum l2_list list);
bool l2_state_is_empty(const struct l2_state *s); /* no list of it has a record */
const void *l2_state_at(const struct l2_state *s, enum l2_list list, size_t n);
/* A copy of it, and of its texts, at the end of its list. */
void l2_state_add(struct l2_state *s, enum l2_list list, const void *record);
struct l2_bytes l2_state_keep(struct l2_state *s, struct l2_bytes text);

/* Each list by id: what a snapshot is written from, so that equal states are equal
 * files. Lists that are sorted cost one pass. true: each id is there once. */
bool l2_state_sort(struct l2_state *s);

/* Is it as it is written: each list by id, no id twice, and no text with a colon or a
 * line feed? One pass; what is wrong with another one says l2_state_check. */
bool l2_state_is_ready(const struct l2_state *s);

/* May it be written, and has its root one meaning? ERR_INPUT names the record that has
 * a colon or a line feed in a text, or an id that another one has. Sorted or not. */
NODISCARD enum err l2_state_check(const struct l2_state *s, struct fail *f);

/* Sorted or not. Where an id is there twice its records keep the order that they have. */
void l2_state_root(const struct l2_state *s, char out[L2_HEX]);

/* The anchor of a state whose root is given, in place of the one that it has. Metadata
 * may be empty, may hold colons, and holds no line feed (ERR_INPUT). */
NODISCARD enum err l2_state_anchor(struct l2_state *s, const char root[L2_HEX],
    uint64_t timestamp_ms, struct l2_bytes metadata, struct fail *f);

#endif
