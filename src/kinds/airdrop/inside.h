/* inside.h - what an airdrop keeps in memory; shared by airdrop.c, build.c and rows.c. */
#ifndef PAWL_KINDS_AIRDROP_INSIDE_H
#define PAWL_KINDS_AIRDROP_INSIDE_H

#include "engine/adopt.h"
#include "kinds/airdrop/airdrop.h"

struct rows;

struct airdrop {
	struct airdrop_facts facts;
	/* building: the hash over the journaled rows, from row 1 on in this life */
	struct plan_hash *hash;
	int64_t hashed; /* rows */
	bool hash_right;
	int64_t ask_at_ms; /* not before: no quorum answered the last one */
	struct rows
	    *rows; /* owned: a question about them, or the token's gas; NULL: none */
	bool gas_known;
	/* Reverts count from this nonce on, not those of a former life, in blocks above
	 * the one that was final then; when they were counted last, and at which agreed
	 * block. */
	uint64_t brake_from, brake_above;
	bool brake_set;
	struct hash brake_seen;
	int last_state;
	/* awaiting_funds: what is left to be paid, as the journal had it then */
	bool left_known;
	struct airdrop_left left;
	struct adopted_to adopted;
	bool adopts_no_more;
};

/* NULL: none. */
void rows_over(struct rows *q);

/* One step of `building`; OK also when it waits. Moves on to distributing when done. */
enum err airdrop_build(struct runner *r, struct operation *o, struct fail *f);

/* build.c: what comes on these nonces while its list is read is held against its rows,
 * too. */
void airdrop_freed(struct runner *r, struct operation *o, uint64_t nonce);

#endif
