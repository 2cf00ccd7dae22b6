/* Whatever somebody says on the owner's socket; and what is understood is said again the
 * same way. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "serve/request.h"

#define PART_MAX 4096

static void again(const struct request *q)
{
	struct request same;
	struct fail f = { 0 };
	struct buf path, body;

	buf_init(&path, PART_MAX);
	buf_init(&body, REQUEST_JSON_MAX);
	request_path(&path, q->route, q->name);
	request_body(&body, q);
	CHECK(buf_ok(&path) && buf_ok(&body));
	CHECK(request_parse(&same, request_method(q->route), buf_text(&path),
		  buf_text(&body), body.len, &f) == ERR_OK);
	CHECK(same.route == q->route && strcmp(same.name, q->name) == 0);
	CHECK(same.now == q->now && same.yes == q->yes && same.has_cap == q->has_cap);
	CHECK(amount_cmp(&same.cap, &q->cap) == 0);
	buf_release(&path);
	buf_release(&body);
}

/* METHOD SP PATH LF BODY */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char method[16] = "", path[PART_MAX] = "";
	const uint8_t *end = memchr(data, '\n', size), *space;
	struct request q;
	struct fail f = { 0 };
	size_t head = end ? (size_t)(end - data) : size;

	space = memchr(data, ' ', head);
	if (!space || head >= sizeof path || space - data >= (int)sizeof method)
		return 0;
	memcpy(method, data, (size_t)(space - data));
	memcpy(path, space + 1, (size_t)(data + head - space - 1));
	data += end ? head + 1 : head;
	size -= end ? head + 1 : head;
	if (size > request_body_max(method, path))
		return 0;
	if (request_parse(&q, method, path, (const char *)data, size, &f) == ERR_OK)
		again(&q);
	else
		fuzz_check_text(f.why, sizeof f.why);
	return 0;
}
