#include "chain/pool/answer.h"

#include <string.h>

static bool begins_json(const struct http_answer *h)
{
	size_t i = 0;

	if (!h->body)
		return false;
	i = strspn(h->body, " \t\r\n");
	return i < h->body_len && (h->body[i] == '{' || h->body[i] == '[');
}

/* JSON-RPC 1.0, which bitcoind speaks, has no name: its replies have all three. */
static bool is_rpc(const struct http_answer *h)
{
	return begins_json(h) &&
	    (strstr(h->body, "\"jsonrpc\"") ||
		(strstr(h->body, "\"result\"") && strstr(h->body, "\"error\"") &&
		    strstr(h->body, "\"id\"")));
}

/* What an HTTP status means that no JSON-RPC came with. */
static enum err judge_status(int status, struct fail *f)
{
	if (status >= 500)
		return fail_set(f, ERR_UNANSWERED, "HTTP %d", status);
	if (status == 408)
		return fail_set(f, ERR_NODE_BUSY, "HTTP 408");
	if (status >= 300)
		return fail_set(f, ERR_NODE_REFUSED, "HTTP %d", status);
	return fail_set(f, ERR_BAD_ANSWER, "HTTP %d without JSON", status);
}

enum err answer_judge(const struct http_answer *h, struct fail *f)
{
	if (h->end == HTTP_NOT_SENT)
		return fail_set(f, ERR_NOT_SENT, "%s", h->why);
	if (h->end == HTTP_UNKNOWN)
		return fail_set(f, ERR_UNANSWERED, "%s", h->why);
	if (h->status == 429)
		return fail_set(f, ERR_RATE_LIMITED, "HTTP 429");
	if (is_rpc(h) || (h->status >= 200 && h->status < 300 && begins_json(h)))
		return ERR_OK;
	return judge_status(h->status, f);
}
