#include "desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "codec/json.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/fence/fence.h"
#include "serve/serve.h"
#include "serve/watch/wire.h"
#include "world/server.h"

#define PAUSE_MS 700 /* a person is slower than this */
#define LINES_MAX 8
#define BODY_MAX ((size_t)64 * 1024)

/* What the operator is to type, as he was told. */
struct line {
	char operation[64];
	int64_t row;
	uint8_t hash[32];
};

struct desk {
	struct stage *stage;
	struct world *world;
	struct journal *journal;
	struct serve_face face;
	struct serve *serve;
	struct server *server;
	struct exchange *open; /* that is not answered yet */
	struct request asked;
	bool by_operator;
	int64_t next_ms;
	struct line line[LINES_MAX];
	int lines, typed; /* those that he was told; of them he typed so many */
	bool yes;         /* no line is left: it was for something else */
	uint32_t word;    /* that stands for what he was told */
};

/* -- a server without a network --------------------------------------------- */

struct server {
	struct server_setup setup;
};

struct exchange {
	struct desk *desk;
	enum route route;
	struct buf path, body;
};

static struct desk *opening; /* whose server is being opened */

enum err server_open(struct server **ret, const struct server_setup *s, struct fail *f)
{
	(void)f;
	*ret = mem_new(sizeof **ret);
	(*ret)->setup = *s;
	opening->server = *ret;
	return ERR_OK;
}

void server_flush(struct server *s)
{
	CHECK(s);
}

void server_close(struct server *s)
{
	free(s);
}

/* No life here is drained: each one ends by a death. */
void server_stop(struct server *s)
{
	(void)s;
	BUG("a life that is drained");
}

bool server_busy(const struct server *s)
{
	(void)s;
	return false;
}

const char *exchange_method(const struct exchange *x)
{
	static const char *const methods[] = {
#define ROUTE(name, method, ...) [ROUTE_##name] = method,
#include "serve/request/routes.def"
#undef ROUTE
	};

	return methods[x->route];
}

const char *exchange_path(const struct exchange *x)
{
	return buf_text(&x->path);
}

const char *exchange_body(const struct exchange *x, size_t *ret_len)
{
	*ret_len = x->body.len;
	return buf_text(&x->body);
}

const char *exchange_who(const struct exchange *x)
{
	(void)x;
	return "";
}

const char *exchange_query(const struct exchange *x)
{
	(void)x;
	return "";
}

/* A list is handed over with a key, the same in all lives. */
const char *exchange_header(const struct exchange *x, enum server_header which)
{
	return which == HEADER_IDEMPOTENCY_KEY && x->route == ROUTE_CREATE ? "handed"
									   : NULL;
}

void exchange_more(struct exchange *x, const char *name, const char *value)
{
	CHECK(x && name && value);
}

static void exchange_free(struct exchange *x)
{
	x->desk->open = NULL;
	buf_release(&x->path);
	buf_release(&x->body);
	free(x);
}

void exchange_drop(struct exchange *x)
{
	exchange_free(x);
}

void exchange_stream(struct exchange *x, const char *type)
{
	(void)x;
	(void)type;
}

bool exchange_send(struct exchange *x, const char *piece)
{
	(void)x;
	return piece != NULL;
}

bool exchange_gone(const struct exchange *x)
{
	(void)x;
	return false;
}

bool exchange_taken(const struct exchange *x)
{
	return x != NULL;
}

void exchange_end(struct exchange *x)
{
	exchange_free(x);
}

/* -- the operator -------------------------------------------------------------- */

/* "pawl repair OPERATION ROW adopt 0xHASH", as it stands in a sentence. */
static bool line_parse(struct line *ret, const char *text)
{
	char row[24], hash[67];
	size_t len;

	if (sscanf(text, "pawl repair %63s %23s adopt %66[0x0-9a-f]", ret->operation, row,
		hash) != 3)
		return false;
	len = strlen(hash);
	ret->row = strcmp(row, "fee") ? strtoll(row, NULL, 10) : 0;
	return (ret->row || !strcmp(row, "fee")) && len == 66 &&
	    hex_parse(ret->hash, 32, hash + 2, 64);
}

/* The lines that he is told now and has not typed in vain. */
static void lines_take(struct desk *d, const char *why)
{
	const char *all = why, *word;
	struct line told;

	d->lines = d->typed = 0;
	while ((why = strstr(why, "pawl repair ")) && d->lines < LINES_MAX) {
		if (line_parse(&told, why))
			d->line[d->lines++] = told;
		why++;
	}
	d->yes = !d->lines;
	word = strstr(all, "--yes=");
	if (word)
		(void)word_parse(&d->word, word + strlen("--yes="), WORD_LEN);
}

static void operator_heard(
    struct desk *d, const struct request *q, enum err e, const char *why)
{
	if (q->route == ROUTE_REPAIR) {
		if (e == ERR_NO_QUORUM)
			return; /* the nodes are asked: again */
		d->typed++;
		d->yes |= e == ERR_CONFLICT && d->typed == d->lines;
		d->stage->told->repaired += e == ERR_OK;
	} else if (e == ERR_CONFLICT) {
		lines_take(d, why);
	} else {
		d->yes = false;
		d->stage->told->resumed += e == ERR_OK;
	}
}

static bool operator_asks(struct desk *d, struct runner *r)
{
	struct request q = { .route = ROUTE_REPAIR, .repair = REPAIR_ADOPT };
	const struct chain_run *c = &r->chains[0];

	if (d->typed < d->lines) {
		const struct line *at = &d->line[d->typed];

		snprintf(q.name, sizeof q.name, "%s", at->operation);
		q.has_row = q.has_hash = true;
		q.row = at->row;
		memcpy(q.hash, at->hash, sizeof q.hash);
		desk_ask(d, &q);
		return true;
	}
	q = (struct request){ .route = ROUTE_RESUME_KEY,
		.yes = d->yes ? d->word : WORD_NONE };
	for (size_t i = 0; i < c->accounts_n; i++)
		if (c->accounts[i]->stopped) {
			snprintf(q.name, sizeof q.name, "%s", c->accounts[i]->key_name);
			desk_ask(d, &q);
			return true;
		}
	q.route = ROUTE_RESUME;
	for (size_t i = 0; i < r->operations_n; i++)
		if (r->operations[i]->state == OPERATION_NEEDS_OPERATOR) {
			snprintf(q.name, sizeof q.name, "%s", r->operations[i]->name);
			desk_ask(d, &q);
			return true;
		}
	return false;
}

/* -- questions and answers ------------------------------------------------------ */

void desk_ask_with(struct desk *d, const struct request *q, struct buf *body)
{
	struct exchange *x = mem_new(sizeof *x);

	CHECK(!d->open);
	*x = (struct exchange){ .desk = d, .route = q->route, .body = *body };
	buf_init(&x->path, 1024);
	request_path(&x->path, q->route, q->name);
	d->open = x;
	d->asked = *q;
	d->by_operator = true;
	d->server->setup.asked(d->server->setup.ctx, x);
}

void desk_ask(struct desk *d, const struct request *q)
{
	struct buf body;

	buf_init(&body, BODY_MAX);
	request_body(&body, q);
	desk_ask_with(d, q, &body);
}

void exchange_reply(struct exchange *x, int status, const char *type, struct buf *body)
{
	struct desk *d = x->desk;
	struct fail f = { ERR_OK, "" };
	json_t *o = json_read(buf_text(body), body->len, NULL);
	struct told told = { .operation = 0 };
	enum err e = ERR_OK;

	(void)type;
	CHECK(o);
	if (status != 200)
		e = wire_fail_decode(o, &f);
	else
		(void)wire_told_decode(o, &told);
	json_decref(o);
	buf_release(body);
	exchange_free(x);
	/* It was committed before it was said. */
	d->stage->told->commits = journal_commit_no(d->journal) - 1;
	if (d->by_operator)
		operator_heard(d, &d->asked, e, f.why);
	else
		d->stage->scenario->answered(d->stage, &d->asked, e, &told);
}

struct journal *desk_journal(struct desk *d)
{
	return d->journal;
}

bool desk_look(struct desk *d, const char *name, struct operation *ret)
{
	return command_operation(d->journal, name, ret, NULL) == ERR_OK;
}

void desk_turn(struct desk *d, struct runner *r)
{
	const struct scenario *sc = d->stage->scenario;
	int64_t now_ms = world_now_ms(d->world);

	if (!d->open && now_ms >= d->next_ms) {
		d->next_ms = now_ms + PAUSE_MS;
		if (!operator_asks(d, r) && sc->asks) {
			sc->asks(d->stage, d, r);
			d->by_operator = false;
		}
	}
	serve_turn(d->serve, r);
}

void desk_tell(struct desk *d, struct runner *r)
{
	serve_tell(d->serve, r);
}

/* -- the program around it --------------------------------------------------------- */

struct desk *desk_open(struct stage *s, struct world *w, struct journal *j)
{
	static const struct door no_door = { .folder_fd = -1, .listen_fd = -1 };
	struct desk *d = mem_new(sizeof *d);

	*d = (struct desk){
		.stage = s, .world = w, .journal = j, .face = sim_lender_face(&s->lender)
	};
	s->told->row = 0; /* who was amid his rows begins anew */
	opening = d;
	CHECK(serve_open(&d->serve,
		  &(struct serve_setup){
		      .world = w, .journal = j, .door = &no_door, .face = &d->face },
		  NULL) == ERR_OK);
	return d;
}

void desk_close(struct desk *d)
{
	if (d)
		serve_close(d->serve);
}

void desk_free(struct desk *d)
{
	free(d);
}
