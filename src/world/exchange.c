#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "world/server_in.h"

#define STREAM_PIECE_MAX ((size_t)64 * 1024)

static void exchange_free(struct exchange *x)
{
	if (x->server)
		LIST_REMOVE(x, link);
	if (x->response)
		MHD_destroy_response(x->response);
	buf_release(&x->body);
	buf_release(&x->now);
	buf_release(&x->next);
	mem_free(x->method);
	mem_free(x->path);
	said_release(&x->said);
	mem_free(x);
}

void exchange_let_go(struct exchange *x)
{
	if (!x->held && !x->connection)
		exchange_free(x);
}

void exchange_wait(struct exchange *x)
{
	x->suspended = true;
	MHD_suspend_connection(x->connection);
}

void exchange_go_on(struct exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	MHD_resume_connection(x->connection);
	server_soon(x->server);
}

void exchange_hand_out(void *of)
{
	struct exchange *x = of;

	if (x->server) {
		x->server->s.asked(x->server->s.ctx, x);
		return;
	}
	x->held = false;
	exchange_let_go(x);
}

const char *exchange_method(const struct exchange *x)
{
	return x->method;
}

const char *exchange_path(const struct exchange *x)
{
	return x->path;
}

const char *exchange_query(const struct exchange *x)
{
	return x->said.query;
}

const char *exchange_who(const struct exchange *x)
{
	return x->said.who;
}

const char *exchange_header(const struct exchange *x, enum server_header which)
{
	return x->said.headers[which];
}

void exchange_more(struct exchange *x, const char *name, const char *value)
{
	said_more(&x->said, name, value);
}

const char *exchange_body(const struct exchange *x, size_t *ret_len)
{
	*ret_len = x->body.len;
	return buf_text(&x->body);
}

static void response_put(
    struct exchange *x, struct MHD_Response *response, int status, const char *type)
{
	CHECK(response);
	CHECK(MHD_add_response_header(response, "Content-Type", type));
	CHECK(MHD_add_response_header(response, "Cache-Control", "no-store"));
	/* Who is refused does not keep a place. */
	if (status >= 400 || (x->server && x->server->stopped))
		CHECK(MHD_add_response_header(response, "Connection", "close"));
	said_put(&x->said, response);
	x->response = response;
	x->status = status;
	exchange_go_on(x);
}

void exchange_reply(struct exchange *x, int status, const char *type, struct buf *body)
{
	size_t len;
	uint8_t *text = buf_take(body, &len);

	x->held = false;
	if (x->connection)
		response_put(x,
		    MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE),
		    status, type);
	else
		mem_free(text);
	exchange_let_go(x);
}

void exchange_drop(struct exchange *x)
{
	x->held = false;
	x->ended = true;
	if (x->connection)
		exchange_go_on(x);
	exchange_let_go(x);
}

/* -- streams --------------------------------------------------------------- */

/* Called by libmicrohttpd for more to write. */
static ssize_t piece_read(void *of, uint64_t at, char *out, size_t max)
{
	struct exchange *x = of;
	size_t n;

	(void)at;
	if (x->now_at == x->now.len) {
		struct buf empty = x->now;

		x->now = x->next;
		x->next = empty;
		buf_clear(&x->next);
		x->now_at = 0;
	}
	n = x->now.len - x->now_at;
	if (!n && x->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n) {
		exchange_wait(x);
		return 0;
	}
	n = n < max ? n : max;
	memcpy(out, x->now.data + x->now_at, n);
	x->now_at += n;
	return (ssize_t)n;
}

void exchange_stream(struct exchange *x, const char *type)
{
	x->streams = true;
	buf_init(&x->now, STREAM_PIECE_MAX);
	buf_init(&x->next, STREAM_PIECE_MAX);
	if (x->connection)
		response_put(x,
		    MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, PIECE_BYTES, piece_read, x, NULL),
		    MHD_HTTP_OK, type);
}

bool exchange_send(struct exchange *x, const char *piece)
{
	if (!x->connection)
		return false;
	buf_clear(&x->next);
	buf_add_str(&x->next, piece);
	CHECK(buf_ok(&x->next));
	exchange_go_on(x);
	return true;
}

bool exchange_taken(const struct exchange *x)
{
	return !x->next.len;
}

void exchange_end(struct exchange *x)
{
	exchange_drop(x);
}
