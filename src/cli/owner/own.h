/* own.h - the journal's owner: this process, or the one that has it and is asked.
 *
 * A command does the same either way, by the same function (serve/command/command.h),
 * with the same sentence and exit code. By itself it asks no node unless a chain was
 * stopped, and signs nothing: it works with the nodes down and without a password.
 */
#ifndef PAWL_CLI_OWNER_OWN_H
#define PAWL_CLI_OWNER_OWN_H

#include "cli/owner/loop.h"
#include "serve/client.h"

/* For an owner that does not listen: he has just begun, or is about to end. The second is
 * for who was let in by one before. */
#define OWNER_PATIENCE_MS 3000
#define OWNER_PATIENCE_LONG_MS 120000
/* Reach who owns the journal; where he is silent a person is told. fails: as
 * client_open. */
NODISCARD enum err own_reach(struct client **ret, struct cli *c, struct fail *f);

/* Own the journal: OK, *ret NULL, and l is open. Or reach who does: OK, and *ret is the
 * caller's. fails: as loop_open; OWNED: he has it, and does not listen. l is valid for
 * loop_close in any case. */
NODISCARD enum err own_or_reach(struct loop *l, struct client **ret, struct cli *c,
    int64_t patience_ms, struct fail *f);

/* Sets OWNED, with who has it, as far as he is known. */
enum err own_refused(const char *path, const char *host, struct fail *f);

/* What is done in the open journal, or asked of who owns it. Either may begin anew. */
struct deed {
	enum err (*here)(void *ctx, struct loop *l, struct fail *f);
	enum err (*there)(void *ctx, struct client *client, struct fail *f);
	void *ctx;
	int64_t patience_ms;
	bool lasts; /* however many owners end meanwhile; else a few are enough */
};

/* Once, by ourselves or by the owner; again, when he ends while he is asked. fails: as
 * own_or_reach, and as the deed. */
NODISCARD enum err own_do(struct cli *c, const struct deed *d, struct fail *f);

/* A command, wherever it is done. fails: as command_do, loop_open, client_command;
 * NOT_FOUND names the nearest. */
NODISCARD enum err own_command(
    struct cli *c, const struct request *q, struct told *ret, struct fail *f);

/* Watch an operation that he moves on, with the same progress, to the same end. */
NODISCARD enum err own_follow(
    struct cli *c, struct client *client, int64_t operation, struct fail *f);

/* A request for it: word is what the person typed. fails: NOT_FOUND (no such name can
 * be). */
NODISCARD enum err own_request(
    struct request *ret, enum route route, const char *word, struct fail *f);

/* The state as it is now, for a person or as {"operation","state"} with more. more is
 * given away; NULL: nothing. */
void own_tell(const struct cli *c, const struct told *t, const char *said, json_t *more);
/* What comes next, to type; nothing where there is nothing. */
void own_then_tell(const struct cli *c, struct told *t);

#endif
