/* log.h - the file of snapshots: looked through, checked, written at its end.
 *
 * A log of version 1 is text, block behind block; one of version 2 is records (v2.h).
 * Opening looks at every byte of a text, and of records at the last one alone (the others
 * are found when they are asked for); it knows then which blocks are whole, and which
 * bytes belong to none, and has checked no block. Whoever
 * wants the newest valid one asks for it: blocks are checked from the end on, and those
 * that fail are told. What is read is read through the world's files, into memory of one
 * block.
 *
 * Behind a text there may be records, and text behind these: somebody put two files one
 * behind the other. Each block is read as what it is, and the last one is the newest.
 *
 * What stands behind the last block is torn, and passed over, or it is a snapshot that
 * was whole and is damaged (L2_DAMAGED), and then the newest one that does not hold. The
 * last line of a text, the foot of a record, is written when all before it is on the
 * medium; so damage is: of a text an END_SNAPSHOT with its line feed, wherever it
 * stands, or a last line of which at least 9 bytes are those of one; a header with CR
 * LF; of records a whole foot whose record begins here, or a whole head at whose end
 * most of a foot stands. All else is torn, and so is of those what a cut write leaves:
 * the beginning of the last line that the file ends with, or zeros, or the line feed
 * that fences it off; its end behind zeros that reach to a multiple of 512 bytes (of a
 * byte that is the last one before that nobody can say whether it was damaged or never
 * written). One byte that was changed in the header or end, head or foot, of the newest
 * snapshot is damage, but for that one.
 *
 * Writing has one writer at a time, by a lock of the kernel on the file (ERR_OWNED). A
 * block's last line is written when all before it is on the medium, so that no power cut
 * leaves a block that looks whole and is not: not for this reader, and not for the older
 * program. A block begins in a sector of its own, so that a cut spoils no other one: a
 * line of spaces fills what is between. What a cut left is fenced off with a line feed,
 * and stays for those who want to look at it.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_LOG_H
#define PAWL_KINDS_NODE_SNAPSHOT_LOG_H

#include "kinds/node/snapshot/check.h"
#include "world/files.h"

struct l2_log;

/* A block that has its end. */
struct l2_block {
	uint64_t offset, len; /* of none: len is 0 */
	bool glued;           /* its header stands behind torn text in the same line */
	bool record;          /* of version 2 */
};

enum l2_damage_kind {
	L2_TORN_TAIL,  /* a block that the file ends in */
	L2_INCOMPLETE, /* a block without end, and another one behind it */
	L2_STRAY,      /* bytes in no block */
	L2_CRLF,       /* a header that ends with CR LF: no block is read from it */
	L2_BROKEN,     /* a record of version 2 whose head or sum is not its own */
	L2_DAMAGED     /* a snapshot behind the last block that was whole once */
};

struct l2_damage {
	enum l2_damage_kind kind;
	uint64_t offset, len;
	/* L2_DAMAGED: what is with it, and where in it; lines of a text, from 1. */
	const char *why;
	uint64_t fault, line;
};

/* ERR_NOT_FOUND; a file without any block is none (l2_log_n is 0). */
NODISCARD enum err l2_log_open(
    struct l2_log **ret, const struct files *files, const char *path, struct fail *f);
void l2_log_close(struct l2_log *log); /* NULL is fine */

/* 1 or 2, by what it begins with; of an empty file 1. It is what is appended. */
int l2_log_version(const struct l2_log *log);
uint64_t l2_log_size(const struct l2_log *log);
/* Every block and all damage is known then, of version 2 too: before the next four. */
NODISCARD enum err l2_log_survey(struct l2_log *log, struct fail *f);
size_t l2_log_n(const struct l2_log *log); /* whole blocks, oldest first */
struct l2_block l2_log_at(const struct l2_log *log, size_t n);
size_t l2_log_damages(const struct l2_log *log);
struct l2_damage l2_log_damage(const struct l2_log *log, size_t n);
const char *l2_damage_name(enum l2_damage_kind kind); /* for people */
/* Has it blocks of the other version, too? *ret: where the first of these is. */
bool l2_log_is_mixed(const struct l2_log *log, uint64_t *ret);
/* The line of the file that has this byte, from 1: reads all before it. */
NODISCARD enum err l2_log_line(
    struct l2_log *log, uint64_t offset, uint64_t *ret, struct fail *f);

/* Where in the file a verdict's fault is; a line in a text alone. */
struct l2_place {
	uint64_t offset, line; /* line 0: it has none */
};
NODISCARD enum err l2_log_place(struct l2_log *log, struct l2_block block,
    const struct l2_verdict *v, struct l2_place *ret, struct fail *f);

/* How blocks of a log are checked. Peg-outs are asked for their anchors: first among
 * those of older blocks of this log whose own anchor holds, then in the store. */
struct l2_demand {
	bool anchor_needed, strict_upstream;
	/* The store of anchors; may be NULL. */
	bool (*stored)(void *ctx, struct l2_bytes hash);
	void (*unbacked)(
	    void *ctx, struct l2_bytes id, struct l2_bytes has, struct l2_bytes wanted);
	void *ctx;
};

/* A verdict's places are of the block (l2_log_place). Not ERR_OK: it could not be read.
 */
NODISCARD enum err l2_log_check(struct l2_log *log, struct l2_block block,
    const struct l2_demand *demand, struct l2_verdict *v, struct fail *f);

/* As a block of this state would be checked behind all of the log: the first peg-out
 * whose anchor nobody has. log: NULL, there is none. */
NODISCARD enum err l2_log_backs(struct l2_log *log, const struct l2_state *s,
    const struct l2_demand *demand, struct l2_verdict *v, struct fail *f);

/* Blocks from the newest on, until one holds; each that does not is told (may be NULL),
 * and before them each L2_DAMAGED, as a block that is malformed.
 * *ret has len 0 when there is none (ERR_OK). */
typedef void l2_failed_fn(void *ctx, struct l2_block block, const struct l2_verdict *v);
NODISCARD enum err l2_log_newest(struct l2_log *log, const struct l2_demand *demand,
    struct l2_block *ret, struct l2_verdict *v, l2_failed_fn *failed, void *ctx,
    struct fail *f);

/* The newest valid block, and no more of the log read than that takes: of a text its last
 * 64 MiB, and eight times as much for as long as no block of it holds, or a peg-out of a
 * newer one may stand on an anchor below; but no more than `most` of its bytes. What it
 * finds is what l2_log_newest does, unless that cut it short. fails: as l2_log_open. */
struct l2_end {
	int version;
	uint64_t size, looked_at; /* bytes */
	struct l2_block block;    /* len 0: none holds */
	struct l2_verdict verdict;
	size_t failed; /* newer ones */
	char why[300]; /* the newest of these does not hold */
	uint64_t torn; /* bytes behind the last block, that are none */
	bool mixed;    /* two formats, as far as it was looked at */
};
#define L2_END_ALL UINT64_MAX
extern uint64_t l2_log_end_least; /* bytes at first; a test may lower it */
NODISCARD enum err l2_log_end(struct l2_end *ret, const struct files *files,
    const char *path, const struct l2_demand *demand, uint64_t most, struct fail *f);

/* The values of a block; it is read, not checked. ERR_INPUT: it is malformed. */
NODISCARD enum err l2_log_load(
    struct l2_log *log, struct l2_block block, struct l2_state *s, struct fail *f);

/* -- writing ------------------------------------------------------------------- */

/* At the end of the log, made if it is not there; then it is on the medium. ERR_INPUT:
 * the state may not be written (l2_state_check), or its anchor does not hold for it. The
 * log keeps its version; a new one gets `version`, and compress, which is of version 2
 * alone, packs the record. The state is sorted. */
struct l2_append {
	int version;
	bool compress;
	/* The state gets an anchor of this time and metadata, in place of the one that it
	 * has, also when it could not be written then. Its root is computed while it is
	 * written. */
	bool anchor;
	uint64_t anchored_ms;
	struct l2_bytes metadata;
};
NODISCARD enum err l2_log_append(const struct files *files, const char *path,
    struct l2_state *s, const struct l2_append *how, struct fail *f);

/* What is told of blocks while other files are made of a log; NULL, or one of them: it is
 * not. left: it is in none of these (L2_MALFORMED). kept: it is, and does not hold by
 * itself; or, converted, its root is ambiguous, as others wrote it. */
struct l2_copy_tell {
	l2_failed_fn *left, *kept;
	void *ctx;
};

/* The newest `keep` blocks into another file, which gets its name when it is whole and
 * on the medium. Older ones stay, too, where they are needed: the newest valid one, and
 * those whose anchors its peg-outs stand on. The file itself is not touched. */
struct l2_pruned {
	size_t blocks, kept, needed; /* needed: older ones among those kept */
	uint64_t bytes, kept_bytes;
};
NODISCARD enum err l2_log_prune(const struct files *files, const char *path, size_t keep,
    const char *output, struct l2_pruned *ret, const struct l2_copy_tell *tell,
    struct fail *f);

/* Each block into FOLDER/snapshot_<i>.dat, i from 1, oldest first: as it stands, and of
 * version 2 as text; a record that can't be read is told, and has no file. */
NODISCARD enum err l2_log_extract(const struct files *files, const char *path,
    const char *folder, size_t *ret_n, const struct l2_copy_tell *tell, struct fail *f);

/* Each block as one of another version, with its root and anchor. Blocks that are no
 * snapshot any more are left out. */
NODISCARD enum err l2_log_convert(const struct files *files, const char *path,
    const char *output, const struct l2_append *how, size_t *ret_n,
    const struct l2_copy_tell *tell, struct fail *f);

#endif
