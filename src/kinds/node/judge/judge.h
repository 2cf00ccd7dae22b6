/* judge.h - which anchors are known, and so which snapshots of a log hold: one answer for
 * everybody who asks.
 *
 * A peg-out stands on an anchor. It is known where one of these has it:
 *
 *   an older block of the log, whose own anchor holds (l2_log_check asks those)
 *   the journal
 *   the reorg database
 *
 * What is not there has none. What is there and can't be read says nothing: an anchor
 * that nobody else has is neither known nor unknown then. Who judged with such a one is
 * told (judge_trouble), and neither gives up a snapshot nor takes an older one for it.
 *
 * By that a block of a log is one of three:
 *
 *   broken    it is no snapshot, or contradicts itself
 *   doubted   it is whole, and its root its own; but it has no anchor, or a peg-out of it
 *             stands on one that is not known
 *   good      it holds: the newest good one is what is gone on from
 *
 * A doubted one that is newer than that is somebody's state all the same: nothing takes
 * its place but by a word for just that. What a copy of a log is of is its newest whole
 * one, doubted or good: that needs no other source than the log itself.
 *
 * A worker has no journal to ask, and the database may lag behind it. So it gathers what
 * neither log nor database has; who owns the journal looks these up there, and the worker
 * judges again with the answer.
 */
#ifndef PAWL_KINDS_NODE_JUDGE_JUDGE_H
#define PAWL_KINDS_NODE_JUDGE_JUDGE_H

#include "chain/chain.h"
#include "journal/journal.h"
#include "kinds/node/reorgdb/reorgdb.h"
#include "kinds/node/snapshot/log.h"

/* What a worker asks of the journal: gathered by one judge, and told to the next one.
 * All zero at first. */
struct judge_anchors {
	struct hash *at; /* sorted, each once, from judge_release on */
	size_t n, room;
	size_t asked,
	    known;     /* of the first `asked` the journal has those up to `known` */
	bool answered; /* those are all that are left */
};
void judge_anchors_release(struct judge_anchors *a);
/* So many more of them, in a turn. true: they are answered. */
bool judge_anchors_ask(struct judge_anchors *a, struct journal *j, size_t many);

struct judge {
	struct judge_anchors *worker; /* NULL: it has the journal itself */
	struct journal *journal;      /* to read; NULL: there is none, but for this: */
	enum err journal_err;         /* it is there and can't be read, */
	struct fail journal_fail;     /* and why */
	const char *reorg_db;         /* its path; NULL or "": there is none */
	/* its own */
	bool opened; /* the database, when it is asked first */
	struct reorgdb *db;
	enum err db_err, err; /* err: an anchor could not be looked up */
	struct fail db_fail, fail;
};

/* All else is 0, or the caller's. */
void judge_release(struct judge *j);

/* The database is opened now: NOT_FOUND, too, is an error then. */
NODISCARD enum err judge_open(struct judge *j, struct fail *f);

/* For l2_demand.stored, with the judge as ctx. */
bool judge_knows(void *ctx, struct l2_bytes hash);
/* An anchor was asked for that nobody has, and not everybody could be: why, and what
 * comes first. OK: there was none. */
NODISCARD enum err judge_trouble(const struct judge *j, struct fail *f);

enum judged { JUDGED_BROKEN, JUDGED_DOUBTED, JUDGED_GOOD };
enum judged judge_of(const struct l2_verdict *v);

/* Of a log, from its end. Numbers count from 1; 0: there is none such. */
struct judgement {
	size_t blocks;
	size_t good,
	    doubted; /* the newest good one, and of newer ones the first doubted */
	struct l2_block good_block, doubted_block;
	struct l2_verdict good_verdict, doubted_verdict;
	size_t doubted_n;      /* how many doubted ones are newer than the good one */
	size_t failed, broken; /* newer than the good one; than the newest whole one */
	char why[300];         /* of the newest one, where that is not good */
};

/* Surveys it. An anchor that could not be looked up is no error here (judge_trouble).
 * fails: it could not be read */
NODISCARD enum err judge_log(
    struct judge *j, struct l2_log *log, struct judgement *ret, struct fail *f);
/* The newest whole one; len 0: there is none. *v: its verdict; may be NULL. */
struct l2_block judgement_whole(
    const struct judgement *g, size_t *ret_number, const struct l2_verdict **v);

#endif
