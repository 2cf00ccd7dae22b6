/* request.h - what was asked over the socket, read from its bytes.
 *
 * Method, path and body are hostile: a request is one of routes.def with a body of
 * that route's members and no others, or it is refused with a sentence. Pure: the
 * fuzzer runs it.
 */
#ifndef PAWL_SERVE_REQUEST_REQUEST_H
#define PAWL_SERVE_REQUEST_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/amount.h"
#include "base/err.h"
#include "chain/pool/pool.h"
#include "crypto/word.h"

#define REQUEST_NAME_MAX 128 /* of an operation, chain or key; with its NUL */
#define REQUEST_JSON_MAX ((size_t)16 * 1024)
#define REQUEST_TEXT_MAX 2048
#define REQUEST_LINES_MAX ((size_t)1024 * 1024)
#define REQUEST_LIST_MAX ((size_t)1024 * 1024)
#define REQUEST_LIMIT 100 /* of a list, unless told */
#define REQUEST_LIMIT_MAX 1000

enum route {
#define ROUTE(name, ...) ROUTE_##name,
#include "serve/request/routes.def"
#undef ROUTE
	ROUTE_COUNT
};

enum repair { REPAIR_NOT, REPAIR_ADOPT, REPAIR_SKIP, REPAIR_RELEASE };

struct request {
	enum route route;
	char name[REQUEST_NAME_MAX]; /* {name}, decoded; "": the route has none */
	char by[NODE_BY_MAX];        /* who asks, of an endpoint; "": it is not said */
	bool sure;                   /* the same */
	bool now, has_plan, has_row, has_hash;
	uint32_t yes; /* the word of what was shown; WORD_NONE: none is said */
	enum repair repair;
	int64_t row; /* 0: the service fee */
	uint8_t hash[32];
	char cap[AMOUNT_TEXT_MAX]; /* max_total_fee, in the coin of its chain; "": none */
	uint8_t plan[32];
	/* of a tell: what is said; of a run: CHANNEL:TARGET of who hears of it, a line
	 * each */
	char text[REQUEST_TEXT_MAX];
	/* of a query (request_query) */
	int state;                    /* -1: any */
	char kind[16];                /* "": any */
	int64_t limit, before, after; /* after -1: it is not said */
	/* A body of LINES: borrowed, and read by who does it. */
	const char *lines;
	size_t lines_len;
};

/* One more CHANNEL:TARGET for a run. fails: USAGE. */
NODISCARD enum err request_notify(struct request *q, const char *text, struct fail *f);

/* A command to an endpoint. */
bool request_of_endpoint(enum route route);

const char *request_word(enum route route);             /* "RESUME_KEY" */
bool request_has(enum route route, const char *member); /* of its body */
bool request_takes_lines(enum route route);             /* a JSON text in each */

/* Of the route's body; 0 for what is no route. */
size_t request_body_max(const char *method, const char *path);

/* The methods of a path, as the header Allow has them; NULL: there is no such path. */
const char *request_allow(const char *path);

/* The bodies of CREATE and ROWS are handover.h's, that of SUBMIT submit.h's. fails:
 * NOT_FOUND (no such path), METHOD (another method), USAGE (a body that is none). */
NODISCARD enum err request_parse(struct request *ret, const char *method,
    const char *path, const char *body, size_t len, struct fail *f);

/* What stands behind the ? of its path, after that. fails: USAGE. */
NODISCARD enum err request_query(struct request *q, const char *query, struct fail *f);

/* The other way: the path of a route, and its body ("" where it has none). name is of any
 * bytes. */
struct buf;
void request_path(struct buf *out, enum route route, const char *name);
void request_body(struct buf *out, const struct request *q);

/* "adopt"; NOT: it is none. */
enum repair repair_parse(const char *text);

#endif
