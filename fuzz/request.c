/* Whatever somebody says on the owner's socket, plans and rows too, or an owner answers;
 * and what is understood is said again the same way. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json.h"
#include "fuzz.h"
#include "serve/request/canon.h"
#include "serve/request/request.h"
#include "serve/submit/handover.h"
#include "serve/submit/submit.h"
#include "serve/watch/wire.h"

#define PART_MAX 4096

static void again(const struct request *q, const char *method)
{
	static struct request same;
	struct fail f = { 0 };
	struct buf path, body;

	buf_init(&path, PART_MAX);
	buf_init(&body, REQUEST_JSON_MAX);
	request_path(&path, q->route, q->name);
	request_body(&body, q);
	CHECK(buf_ok(&path) && buf_ok(&body));
	CHECK(request_parse(&same, method, buf_text(&path), buf_text(&body), body.len,
		  &f) == ERR_OK);
	CHECK(same.route == q->route && strcmp(same.name, q->name) == 0);
	CHECK(same.now == q->now && same.yes == q->yes);
	CHECK(strcmp(same.cap, q->cap) == 0);
	buf_release(&path);
	buf_release(&body);
}

static enum err row_take(void *ctx, const struct list_row *row, struct fail *f)
{
	(void)ctx;
	(void)f;
	CHECK(row->row > 0 && row->memo_len <= LIST_MEMO_BYTES_MAX);
	CHECK(!amount_is_zero(&row->amount));
	return ERR_OK;
}

static void body_take(const struct request *q, const char *body, size_t len)
{
	struct fail f = { 0 };
	static struct handover h, same;
	struct buf text;

	if (q->route == ROUTE_SUBMIT && submit_check(body, len, &f) != ERR_OK)
		fuzz_check_text(f.why, sizeof f.why);
	if (q->route == ROUTE_ROWS)
		(void)!handover_rows_decode(body, len, row_take, NULL, &f);
	if (q->route != ROUTE_CREATE || handover_decode(&h, body, len, &f) != ERR_OK)
		return;
	buf_init(&text, 2 * REQUEST_JSON_MAX);
	CHECK(handover_encode(&text, &h) && buf_ok(&text));
	CHECK(handover_decode(&same, buf_text(&text), text.len, &f) == ERR_OK);
	CHECK(memcmp(&same, &h, sizeof h) == 0);
	buf_release(&text);
}

/* As which command it is known. */
static void command_take(const struct request *q, const char *body, size_t len)
{
	char member[CANON_NAME_MAX];
	struct fail f = { 0 };
	static struct canon c;

	if (canon_of(&c, q, body, len, &f) != ERR_OK) {
		fuzz_check_text(f.why, sizeof f.why);
		return;
	}
	CHECK(strncmp(c.members, "path ", 5) == 0);
	canon_differs(c.members, "", member);
	CHECK(strcmp(member, "path") == 0);
}

/* What a client makes of an owner's answer. */
static void answer_take(const char *body, size_t len)
{
	json_t *o = json_read(body, len, NULL);
	struct standing s;
	struct told told;
	struct fail f = { 0 };

	if (wire_standing_decode(o, &s))
		CHECK(s.done >= 0 && s.done <= s.total);
	if (wire_told_decode(o, &told))
		CHECK(told.operation >= 0);
	(void)!wire_fail_decode(o, &f);
	fuzz_check_text(f.why, sizeof f.why);
	json_decref(o);
}

/* METHOD SP PATH LF BODY */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char method[16] = "", path[PART_MAX] = "";
	const uint8_t *end = memchr(data, '\n', size), *space;
	static struct request q;
	struct fail f = { 0 };
	size_t head = end ? (size_t)(end - data) : size;

	space = memchr(data, ' ', head);
	if (!space || head >= sizeof path || space - data >= (int)sizeof method)
		return 0;
	memcpy(method, data, (size_t)(space - data));
	memcpy(path, space + 1, (size_t)(data + head - space - 1));
	data += end ? head + 1 : head;
	size -= end ? head + 1 : head;
	answer_take((const char *)data, size);
	if (size > request_body_max(method, path))
		return 0;
	if (request_parse(&q, method, path, (const char *)data, size, &f) == ERR_OK) {
		again(&q, method);
		command_take(&q, (const char *)data, size);
		body_take(&q, (const char *)data, size);
	} else {
		fuzz_check_text(f.why, sizeof f.why);
	}
	return 0;
}
