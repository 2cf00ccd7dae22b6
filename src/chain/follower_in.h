/* follower_in.h - inside the follower: its state, shared by its three files.
 *
 *   follower.c        the turn: link, adopt, tell, finalize
 *   follower_ask.c    questions to nodes and their answers
 *   follower_trail.c  the trail in memory and in the journal
 */
#ifndef PAWL_CHAIN_FOLLOWER_IN_H
#define PAWL_CHAIN_FOLLOWER_IN_H

#include "chain/follower.h"

/* Blocks above the final one that are read at a time: a longer gap is walked in
 * windows of this. */
#define WINDOW 256
/* Final blocks kept below, to name the ancestor when a final block vanishes. */
#define KEPT_FINAL 256
#define BLOCKS_BUSY_MAX 4

enum ask_kind {
	ASK_IDENTITY,
	ASK_POLL,
	ASK_HEADER,
	ASK_HEADERS,
	ASK_BLOCK,
	ASK_RECEIPTS
};

/* One question to one node, and its answer. Lives from the asking to the turn that
 * takes it. */
struct question {
	struct follower *f;
	struct question *next;
	enum ask_kind kind;
	int node;
	uint32_t generation; /* of the watched set */
	struct block_question block;
	uint64_t *heights;
	uint32_t n;
	char *text;
	size_t len;
	enum err err;
	struct fail fail;
	struct node_word word;
	struct identity identity;
	struct head *heads;
	bool *known;
	struct block_facts facts;
};

/* What some nodes say of a block; they agree when their digests do. */
struct opinion {
	struct block_facts facts;
	uint32_t nodes;
};

struct sighting {
	struct head head;
	uint32_t asked; /* nodes with a question about it under way */
	struct opinion *opinions;
	int opinions_n;
	bool told;
	int told_as; /* the opinion that was told, an index */
	int64_t asked_ms[POOL_NODES_MAX];
};

enum link { LINK_UNKNOWN, LINK_TRAIL, LINK_LAGS, LINK_FORKED };

struct view {
	bool identified, identity_busy, poll_busy, header_busy;
	bool has_head, has_goal;
	bool by_hash; /* headers by height did not link: walk back by hash */
	int blocks_busy;
	struct hash genesis;
	struct head head;
	struct head goal; /* the head, or a block on the way when it is far */
	enum block_way way;
	bool by_number;
	int64_t poll_at_ms;
	bool has_finalized;
	uint64_t finalized_height;
	enum link link;
	uint64_t fork_height; /* the highest block of the trail on its goal's branch */
	uint64_t ancestor;    /* FORKED: the highest kept final block that it has */
	bool has_ancestor;
	char left_out[96];
};

struct follower {
	struct follower_setup s;
	int64_t chain;
	struct hash genesis; /* when chain is known */
	struct head *trail;  /* [0] is final */
	size_t trail_n, trail_cap;
	struct sighting *seen;
	size_t seen_n, seen_cap;
	struct view view[POOL_NODES_MAX];
	int nodes;
	struct watched *watched;
	uint32_t watched_n;
	uint32_t generation;
	struct question *inbox, **inbox_end;
	bool stopped;
	bool has_start;
	uint64_t start;
	char waits_for[200];
};

/* follower_ask.c */
void follower_ask_identity(struct follower *f, int node);
void follower_ask_poll(struct follower *f, int node);
void follower_ask_header(struct follower *f, int node, const struct hash *hash);
void follower_ask_headers(struct follower *f, int node, uint64_t from, uint64_t to);
void follower_ask_block(struct follower *f, int node, struct sighting *s);
void follower_ask_receipts(struct follower *f, struct question *half);
void question_free(struct question *q);

/* follower_trail.c */
void trail_load(struct follower *f, int64_t final_height);
void trail_begin(struct follower *f, const struct head *h);
void trail_push(struct follower *f, const struct head *h);
void trail_cut(struct follower *f, uint64_t above);
void trail_final_advance(struct follower *f);
bool trail_back_to(struct follower *f, uint64_t height);
struct head *trail_at(struct follower *f, uint64_t height); /* NULL: not in it */
bool trail_has(struct follower *f, const struct hash *hash, uint64_t height);
struct head *trail_top(struct follower *f);

struct sighting *sighting_find(struct follower *f, const struct hash *hash);
struct sighting *sighting_add(struct follower *f, const struct head *h);
void sighting_drop(struct follower *f, size_t at);
void sightings_forget(struct follower *f); /* all opinions: they are to be read again */

#endif
