/* quotes.h - what a transaction costs on each chain, kept for people who ask (quote.h).
 *
 * The nodes are asked in turn, as for the fees that are signed (market.h), and each
 * figure is a quorum's; nothing that is signed goes by these. `serve` asks every few
 * minutes, and keeps what it hears hour by hour in the journal, for the picture of the
 * last day; when somebody wants to know, they are asked at once: who can wait is told
 * what they say then, and who can't what was heard last, with its age. Memory but for the
 * hours.
 */
#ifndef PAWL_ENGINE_QUOTES_H
#define PAWL_ENGINE_QUOTES_H

#include "engine/engine.h"

#define QUOTE_HOURS 24

/* Each turn: ask the next node when it is time to. */
void quotes_turn(struct runner *r, struct chain_run *c);

/* What was heard last; NULL: nothing yet. The nodes are asked anew, unless they just
 * were. */
const struct quote *quotes_get(struct runner *r, struct chain_run *c);

/* The fees of one chain of the configuration, or (NULL) of all that are followed, as a
 * chat shows them: /fees. false: there is no such chain. */
NODISCARD bool quotes_text(struct runner *r, const char *chain, struct buf *out);

/* Was it heard just now, or asked for in vain? Until then it is worth to wait. */
bool quotes_fresh(const struct runner *r, const char *chain);

struct fee_hour {
	int64_t hour; /* Unix time in hours */
	bool known;
	uint64_t low, mean, high; /* wei */
};

/* The last hours, the one that is now being the last of them, as the journal has them. */
void quotes_hours(struct journal *j, uint64_t chain_id, int64_t wall_ms,
    struct fee_hour ret[QUOTE_HOURS]);

#endif
