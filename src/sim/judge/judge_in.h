/* judge_in.h - what the judge knows of a story, shared by its files alone.
 *
 *   judge.c        the lives, turn by turn
 *   judge_chain.c  the final blocks, read once each
 *   judge_sent.c   bytes leave
 *   judge_rows.c   what the journal says of rows, by its events
 *   judge_known.c  what used a nonce, and which bytes are forgotten
 *   judge_live.c   it stops, and it makes progress
 *   judge_archive.c what ended goes into files
 *   judge_proof.c  what is settled names its proof
 *   judge_heard.c  what subscribers are to hear, and
 *   judge_letter.c  what they get (judge_notice.h)
 *   judge_tracked.c of transactions that they follow
 *   judge_end.c    the end
 *
 * Nobody asks the engine what is right. All of it lies in the chain's region: it outlives
 * the processes, and goes with the story.
 */
#ifndef PAWL_SIM_JUDGE_IN_H
#define PAWL_SIM_JUDGE_IN_H

#include "engine/states.h"
#include "journal/sql.gen.h"
#include "sim/judge/judge.h"

#define JUDGE_WHY_MAX 400
#define JUDGE_OPERATIONS 512 /* ids, that of a journal are counted from 1 */

/* A payment that lists owe. Rows that equal each other owe the same one. */
struct judge_due {
	struct judge_due *next;
	struct address to;
	struct amount amount;
	uint32_t rows;        /* that owe it */
	uint32_t paid;        /* in final blocks, by the program */
	uint32_t by_hand;     /* by others, with the same key */
	uint32_t lost;        /* in flight when a journal was lost, or not shown since */
	uint64_t lost_height; /* of the last one that was final then; 0: none */
	uint32_t told[SIM_LIVES]; /* rows that each journal calls final */
	bool reserved;            /* for a row of it, in the commit that is read */
	uint32_t forgotten;       /* paid by bytes that the journal has not, in the end */
};

struct judge_row {
	struct judge_due *due; /* NULL: there is no service fee */
	int64_t nonce;         /* the last one on which it left; -1: on none */
	bool adopted;          /* and was not let go since */
};

struct judge_list {
	struct judge_row *row; /* [0]: its service fee; NULL: not met yet */
	uint64_t open;         /* nonces with bytes for it, in no final block */
	struct amount charged; /* for those in one */
	struct amount could;   /* for the others, by their dearest bytes */
	bool retried;          /* somebody asked for that */
	bool said_yes;         /* when he did so last */
	bool archived;         /* into a file: that was seen, */
	bool fee_paid;         /* and that its fee was paid by then */
};

/* What a journal says of a list, by its events. */
struct judge_told {
	int8_t *row;
	int64_t by_state[5];
	struct amount sum[5];
	int state; /* of its operation */
	bool touched;
	bool given_up; /* somebody cancelled it at once: no payload is signed any more */
	int64_t claims_ms; /* of the chain's clock: it says since then what is not so */
};

/* Something was decided to be told, as the journal has it. */
struct judge_notice {
	struct judge_notice *next; /* by its id */
	int64_t id, commit, nth;
	enum subject_kind kind;
	int64_t subject;
	int list; /* -1: it is for all, or of a transaction */
	enum milestone milestone;
	uint32_t to;      /* receivers, a bit each */
	uint32_t late;    /* those of them that came behind it */
	uint32_t done;    /* that accepted it, and the journal knows */
	int64_t known_ms; /* of the chain's clock: it was read then */
	char event_id[EVENT_ID_MAX];
	const char *body;
	int64_t of; /* confirmations by which it is heard of, by its key; 0: none */
};

/* What it must tell, by its events. */
struct judge_cause {
	struct judge_cause *next;
	int list;
	enum milestone milestone;
	int64_t commit;
};

struct judge_heard {
	struct judge_notice *first, *last;
	struct judge_cause *causes;    /* in what is read */
	uint32_t hears[SIM_LISTS_MAX]; /* before that, a bit for each receiver */
	uint32_t any;                  /* of anything */
	uint32_t suspended;            /* nobody is there: before what is read */
	int64_t says;                  /* to all */
};

/* A journal: one, but for copies. */
struct judge_view {
	const struct sim_disk *disk;
	int n;
	bool older;                   /* and was not looked at yet */
	int64_t epoch, commit, event; /* the last ones that were seen */
	int64_t moved_event;
	bool stopped;                         /* the chain, when it was seen last */
	bool reserves[SIM_KEYS_MAX];          /* in the commit that is read */
	int64_t account_id[SIM_KEYS_MAX];     /* 0: not looked up */
	int8_t list_of[JUDGE_OPERATIONS + 1]; /* 0: not looked up; -1: none; n: n - 1 */
	struct judge_told list[SIM_LISTS_MAX];
	struct judge_heard heard;
};

/* What the journal says of a list in the end. */
struct judge_said {
	int state; /* of its operation; -1: it is not there */
	struct amount fees;
	int row[SIM_ROWS_MAX + 1];
	bool fee_paid;
};

/* Signed bytes that left, once or many times. */
struct judge_bytes {
	struct judge_bytes *older;
	const struct sim_tx *tx;
	int64_t epoch;  /* of whom they left last */
	bool forgotten; /* the journal has them not, in the end */
};

struct judge_nonce {
	struct judge_bytes *bytes;
	const struct sim_tx *payload; /* the first of these; NULL: none left */
	bool emptied;                 /* an empty attempt left */
	int list;                     /* -1: of none */
	struct amount dearest;
	const struct sim_inclusion *final; /* what a final block has */
};

#define JUDGE_LEASTS 16

/* At some instant the nodes showed no higher block than this one. NULL: of several. */
struct judge_least {
	struct sim_block *block;
	uint64_t reach; /* of a fence that is measured by it */
};

struct judge_account {
	struct judge_nonce *at;
	uint64_t n, room; /* below n all are known */
	uint64_t whole;   /* below it each has bytes, or was consumed */
	uint64_t reach;   /* what an older journal forgot below it is fenced */
	bool was_known;   /* by that journal */
	bool doubted;     /* since it is there */
	bool unseen;      /* neither, and nothing may have told of what it sent */
	struct judge_least least[JUDGE_LEASTS];
	size_t leasts;
};

struct sim_judge {
	struct sim_story *story;
	struct judge_account account[SIM_KEYS_MAX];
	struct judge_list list[SIM_LISTS_MAX];
	struct judge_due **dues; /* by address */
	const struct sim_block *final;
	struct sim_block
	    *floor; /* that an older journal followed when it rose; or NULL */
	bool floor_due;

	struct judge_view view[SIM_LIVES];
	int64_t life_epoch[SIM_LIVES];
	uint64_t rise_height[SIM_LIVES]; /* of the head when it began */
	int64_t rise_ms[SIM_LIVES];      /* of the chain's clock, then */
	const struct sim_block *head;    /* when it looked last */
	bool true_heads;  /* no node shows another one than it was asked for */
	bool lent;        /* others use keys, too */
	bool undisturbed; /* nothing happens but that, and nodes that lie for ever */
	uint64_t moved_used;
	const struct sim_letter *moved_letter;
	int64_t moved_ms; /* of the chain's clock: since then nothing has moved */
	uint64_t
	    kept[SIM_LIVES]; /* the highest block of a stopped one that the chain has */
	uint64_t kept_reorgs[SIM_LIVES];
	struct judge_shown {          /* by a quorum, since a journal was lost */
		uint64_t known, next; /* heights */
		int64_t next_ms;      /* when `next` is known, too */
	} shown;
	int64_t over_ms; /* of the chain's clock: but for archives; 0: it is not */
	int64_t archived[SIM_LISTS_MAX]; /* operations, in the end; 0: it is not */
	bool said_so; /* a journal has said that something is not as it should be */
	struct judge_said *said[SIM_LISTS_MAX];
	struct amount fence_fees[SIM_KEYS_MAX];
	bool fence_open[SIM_KEYS_MAX]; /* nobody has moved it to its end */
};

/* Nobody is paid twice: all that G0 names holds, whatever the journal has forgotten. */
static inline bool judge_is_strict(const struct sim_story *s)
{
	return !(s->broken & ~(unsigned)(SIM_GROUND_NEWEST | SIM_GROUND_SYNC));
}

/* judge.c. G1: whatever ever left is in the journal. */
void judge_remembers(struct sim_life *l);
bool judge_owns(struct sim_life *l); /* false: another has taken its journal */
struct judge_view *judge_view_of(struct sim_life *l);
int judge_key(const struct sim_story *s, const struct address *a); /* -1: nobody's */
int64_t judge_account_id(struct sim_life *l, int key); /* 0: it is not known */
/* Which list an operation is; -1: none. */
int judge_list_of(struct sim_life *l, int64_t operation);

/* judge_chain.c: up to what is final now. */
void judge_follow(struct sim_judge *j);
uint64_t judge_paid_more(const struct sim_judge *j); /* than is owed */
/* Nobody was paid more often than that and what was in flight when a journal was lost. */
bool judge_excess_is_lost(const struct sim_judge *j);
/* Has no quorum shown since, so that it is known, what of it was final then? Looked at
 * with each step. */
void judge_lost_look(struct sim_judge *j);
bool judge_lost_is_hidden(const struct sim_judge *j, const struct judge_due *d);
struct judge_nonce *judge_nonce_get(struct sim_judge *j, int key, uint64_t nonce);
struct judge_due *judge_due_get(
    struct sim_judge *j, const struct address *to, const struct amount *amount);
void judge_forget(struct sim_judge *j, int view); /* what a journal has told */
void judge_list_begin(struct sim_judge *j, int list);
/* What it pays whom, by its bytes; false: nobody. */
bool judge_payment(const struct sim_story *s, const struct sim_tx *t, struct address *to,
    struct amount *amount);
/* It is in this block, and did what it says. */
bool judge_paid(const struct sim_story *s, const struct sim_inclusion *i);
bool judge_is_empty(const struct sim_tx *t);

/* judge_rows.c: what was committed since the last time; all, when it is an older one. */
void judge_rows(struct sim_life *l);
void judge_rows_again(struct sim_life *l);

/* judge_known.c. In the end: which bytes it has not. */
void judge_forgotten(struct sim_life *l);
/* A nonce of the key is taken in this commit; and all that used it. */
void judge_reserves(struct sim_life *l, int key);
void judge_uses(struct sim_life *l);
/* The highest block that the journal follows; NULL: none that the chain has. */
struct sim_block *judge_followed(struct sim_life *l);

/* judge_fence.c */
void judge_older(struct sim_life *l); /* it rises with an older journal */
void judge_reach(struct sim_life *l); /* so far a fence goes at least: in each turn */
void judge_fence_ends(struct sim_life *l, int64_t operation);

/* judge_heard.c: an event that subscribers hear of; what was committed since the last
 * time, behind its events; an older journal. */
void judge_heard_cause(struct sim_life *l, int list, enum milestone m, int64_t commit);
void judge_heard(struct sim_life *l);
void judge_heard_again(struct sim_life *l);

/* judge_letter.c: a start; the end. */
void judge_heard_rise(struct sim_life *l);
void judge_heard_end(struct sim_life *l);
bool judge_heard_all(struct sim_life *l); /* nothing is due any more */

/* judge_tracked.c: of a transaction something is told; all that ends has ended; the end.
 */
void judge_tracked(
    struct sim_life *l, const struct judge_notice *first, const struct judge_notice *n);
bool judge_tracked_all(struct sim_life *l);
void judge_tracked_end(struct sim_life *l, const struct judge_notice *first);

/* judge_undone.c: in each turn. */
void judge_undone(struct sim_life *l);

/* It was read, and no row has it. */
bool judge_is_unclaimed(struct sim_life *l, int key, const struct sim_tx *t);

/* judge_archive.c: is it among the attempts, or was it? An event that says that something
 * is in a file; is all that is due in one; the end, in the last life. */
bool judge_is_attempt(struct sim_life *l, int64_t account, const struct sim_tx *t);
bool judge_is_archived(struct sim_life *l, int64_t operation);
void judge_archives(struct sim_life *l, const struct sql_event_from_out *e);
/* Events up to there went into files before anybody here read them. */
bool judge_events_gone(struct sim_life *l, int64_t first, int64_t last);
/* Of a list that has ended. */
bool judge_fee_was_paid(struct sim_life *l, int list, const struct operation *o);
bool judge_archives_over(struct sim_life *l);
void judge_archives_end(struct sim_life *l);

/* judge_end.c: by the rows of the journal. */
bool judge_fee_is_paid(struct journal *j, int64_t operation);

/* judge_live.c: in each turn; and an event in which something stops. */
void judge_live(struct sim_life *l);
bool judge_is_stop(const char *state); /* of an account: a doubt or a stop */
void judge_stops(struct sim_life *l, const struct sql_event_from_out *e);

/* judge_proof.c: of all that is settled of a row. */
void judge_proofs(struct sim_life *l, int64_t operation, int64_t row);

#endif
