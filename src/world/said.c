#include "world/said.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

#define TEXT_MAX ((size_t)64 * 1024) /* more than the memory of a connection */

static const char *const names[HEADER_ALL] = {
	[HEADER_IDEMPOTENCY_KEY] = "Idempotency-Key",
	[HEADER_LAST_EVENT_ID] = "Last-Event-ID",
};

/* A blank was written as '+', which libmicrohttpd has taken back already. */
static void part_add(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_add_byte(out, *text == ' ' ? '+' : (uint8_t)*text);
}

static enum MHD_Result argument_add(
    void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct buf *out = ctx;

	(void)kind;
	if (out->len)
		buf_add_str(out, "&");
	part_add(out, key);
	if (value) {
		buf_add_str(out, "=");
		part_add(out, value);
	}
	return MHD_YES;
}

/* Blanks behind it are no part of it, as those before it. */
static void header_keep(char **to, const char *value)
{
	struct buf both;
	size_t len = strlen(value);

	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	if (!*to) {
		*to = mem_new(len + 1);
		memcpy(*to, value, len);
		return;
	}
	buf_init(&both, TEXT_MAX);
	buf_addf(&both, "%s, %s", *to, value);
	CHECK(buf_ok(&both));
	mem_free(*to);
	*to = mem_str(buf_text(&both));
	buf_release(&both);
}

static enum MHD_Result header_take(
    void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct said *s = ctx;

	(void)kind;
	for (int i = 0; i < HEADER_ALL; i++)
		if (strcasecmp(key, names[i]) == 0)
			header_keep(&s->headers[i], value ? value : "");
	return MHD_YES;
}

void said_take(struct said *s, struct MHD_Connection *connection, const char *who)
{
	struct buf query;

	buf_init(&query, TEXT_MAX);
	(void)MHD_get_connection_values(
	    connection, MHD_GET_ARGUMENT_KIND, argument_add, &query);
	CHECK(buf_ok(&query));
	s->query = mem_str(query.len ? buf_text(&query) : "");
	buf_release(&query);
	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, header_take, s);
	s->who = mem_str(who ? who : "");
}

void said_release(struct said *s)
{
	mem_free(s->query);
	mem_free(s->who);
	for (int i = 0; i < HEADER_ALL; i++)
		mem_free(s->headers[i]);
	for (int i = 0; i < s->more_n; i++)
		mem_free(s->more[i].value);
}

void said_more(struct said *s, const char *name, const char *value)
{
	CHECK(s->more_n < SAID_MORE_MAX);
	s->more[s->more_n].name = name;
	s->more[s->more_n++].value = mem_str(value);
}

void said_put(const struct said *s, struct MHD_Response *response)
{
	for (int i = 0; i < s->more_n; i++)
		CHECK(
		    MHD_add_response_header(response, s->more[i].name, s->more[i].value));
}
