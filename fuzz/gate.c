/* Whoever asks over TCP: the head of his request, and the address that is listened on.
 * Who is let in had a token, or asked for what is open, and no page of another origin
 * did. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "fuzz.h"
#include "serve/door/gate.h"
#include "serve/door/listener.h"
#include "serve/vital/vital.h"

#define FIELDS 6
#define TOKEN "0123456789abcdef"
#define AT "127.0.0.1:8080"

/* "field\nfield\n..": NULL where there is nothing. */
static void fields_split(const char *ret[FIELDS], char *text)
{
	for (int i = 0; i < FIELDS; i++) {
		char *field = text ? strsep(&text, "\n") : NULL;

		ret[i] = field && *field ? field : NULL;
	}
}

static bool has_token(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
		return false;
	authorization += sizeof scheme - 1;
	while (*authorization == ' ')
		authorization++;
	return strcmp(authorization, TOKEN) == 0;
}

static bool is_here(const char *name)
{
	static const char *const here[] = { AT, "[::1]:8080", "localhost:8080" };

	for (size_t i = 0; name && i < sizeof here / sizeof *here; i++)
		if (strcasecmp(name, here[i]) == 0)
			return true;
	return false;
}

static bool is_open(const struct server_head *head)
{
	return (strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0) &&
	    (strcmp(head->path, "/health") == 0 || strcmp(head->path, "/ready") == 0);
}

static void head_take(struct gate *g, const struct server_head *head)
{
	bool foreign = head->origin &&
	    (strncasecmp(head->origin, "http://", 7) != 0 || !is_here(head->origin + 7));
	bool known = has_token(head->authorization);
	bool admitted = !foreign && (known || (is_open(head) && is_here(head->host)));
	const char *who = NULL;
	struct buf why;
	int status;

	buf_init(&why, 4096);
	status = gate_admit(g, head, &who, &why);
	CHECK((status == 0) == admitted);
	CHECK(!admitted || !known || (who && strcmp(who, "ops") == 0));
	CHECK(admitted || status == 401 || status == 403);
	CHECK(admitted || why.len > 0);
	CHECK(buf_ok(&why));
	buf_release(&why);
}

static struct gate *gate_here(void)
{
	const struct listener l = { .fd = -1, .at = AT, .port = 8080, .loopback = true };
	struct gate *g = gate_new(&l);
	char bytes[] = TOKEN; /* wiped */
	struct secret *token;

	secret_setup();
	token = secret_new(bytes, sizeof bytes - 1);
	gate_token(g, "ops", token);
	secret_free(token);
	return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gate *g;
	const char *fields[FIELDS];
	struct server_head head;
	char text[2048];

	if (size >= sizeof text)
		return 0;
	if (!g)
		g = gate_here();
	memcpy(text, data, size);
	text[size] = '\0';
	fields_split(fields, text);
	head = (struct server_head){ .method = fields[0] ? fields[0] : "GET",
		.path = fields[1] ? fields[1] : "/",
		.host = fields[2],
		.origin = fields[3],
		.authorization = fields[4] };
	head_take(g, &head);
	if (fields[5])
		(void)listener_fault(fields[5]);
	return 0;
}
