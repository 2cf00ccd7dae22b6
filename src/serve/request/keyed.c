#include "serve/request/keyed.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

static bool name_good(const char *name)
{
	size_t n = 0;

	while (name[n] > ' ' && name[n] < 0x7f)
		n++;
	return n > 0 && n < KEYED_NAME_MAX && !name[n];
}

enum err keyed_read(struct keyed *ret, const char *scope, const char *name,
    const struct request *q, const char *body, size_t len, struct fail *f)
{
	*ret = (struct keyed){
		.scope = scope, .name = name, .lines = request_takes_lines(q->route)
	};
	if (!name)
		return ERR_OK;
	if (!name_good(name))
		return fail_set(f, ERR_USAGE,
		    "Idempotency-Key: said once, 1 to %d visible ASCII characters; for "
		    "one: uuidgen",
		    KEYED_NAME_MAX - 1);
	return canon_of(&ret->canon, q, body, len, f);
}

static enum err other_command(const struct keyed *k, const char *was, struct fail *f)
{
	char member[CANON_NAME_MAX], in[CANON_NAME_MAX + 3];

	canon_differs(was, k->canon.members, member);
	if (k->lines && !strcmp(member, "rows"))
		snprintf(in, sizeof in, "its lines");
	else
		snprintf(in, sizeof in, "`%s`", member);
	return fail_set(f, ERR_CONFLICT,
	    "Idempotency-Key %s stands for another command, which was not the same in "
	    "%s: take a new key for a new command",
	    k->name, in);
}

/* As it was told, but with the state of now. */
static void answer_put(
    struct buf *out, struct journal *j, const struct sql_request_key_get_out *row)
{
	json_t *o = json_read(row->answer, strlen(row->answer), NULL);
	struct operation now;

	if (!o)
		journal_damaged(j, "an answer to a request is no JSON");
	if (!row->no_operation && json_object_get(o, "state") &&
	    operation_read(j, row->operation, &now))
		CHECK(json_object_set_new(o, "state",
			  json_string(state_name(MACHINE_OPERATION, now.state))) == 0);
	json_line_add(out, o);
}

enum err keyed_find(const struct keyed *k, struct journal *j, struct buf *ret_answer,
    int *ret_status, struct fail *f)
{
	struct sql_request_key_get_in in = { .scope = k->scope, .name = k->name };
	struct sql_request_key_get_out row;
	enum err e = ERR_OK;

	*ret_status = 0;
	if (!k->name || MUTANT(key_forgotten))
		return ERR_OK;
	sql_request_key_get_begin(j, &in);
	if (sql_request_key_get_next(j, &row)) {
		if (memcmp(row.command, k->canon.hash, sizeof row.command) != 0)
			e = other_command(k, row.members, f);
		else
			*ret_status = (int)row.status;
		if (*ret_status)
			answer_put(ret_answer, j, &row);
		sql_request_key_get_end(j);
	}
	return e;
}

void keyed_put(const struct keyed *k, struct journal *j, int64_t operation, int status,
    const char *answer, int64_t wall_ms)
{
	struct sql_request_key_add_in in = { .scope = k->scope,
		.name = k->name,
		.members = k->canon.members,
		.operation = operation,
		.no_operation = !operation,
		.status = status,
		.answer = answer,
		.at_ms = wall_ms };

	if (!k->name)
		return;
	memcpy(in.command, k->canon.hash, sizeof in.command);
	sql_request_key_add(j, &in);
}
