#include <string.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "cli/config/ref.h"
#include "cli/owner/own.h"

static enum err hash_read(struct request *q, const char *text, struct fail *f)
{
	char shown[REF_SHOWN_MAX];

	q->has_hash = text && hex_parse_0x(q->hash, sizeof q->hash, text);
	if (q->has_hash == (q->repair == REPAIR_ADOPT) && (q->has_hash || !text))
		return ERR_OK;
	if (q->repair != REPAIR_ADOPT)
		return fail_set(f, ERR_USAGE, "only adopt takes a HASH");
	return fail_set(f, ERR_USAGE,
	    "adopt needs the HASH of a transaction, 0x and 64 digits%s%s",
	    text ? ", and not " : "", text ? ref_shown(shown, text) : "");
}

static enum err request_read(struct request *q, const struct cli *c, struct fail *f)
{
	enum err e = own_request(q, ROUTE_REPAIR, args_word(&c->args, 0), f);
	char shown[REF_SHOWN_MAX];

	if (e == ERR_OK)
		e = args_row(&q->row, args_word(&c->args, 1), f);
	if (e != ERR_OK)
		return e;
	q->has_row = true;
	q->repair = repair_parse(args_word(&c->args, 2));
	if (q->repair == REPAIR_NOT)
		return fail_set(f, ERR_USAGE,
		    "a row is to adopt, skip or release, not %s",
		    ref_shown(shown, args_word(&c->args, 2)));
	return hash_read(q, args_word(&c->args, 3), f);
}

static void tell(const struct cli *c, struct told *t)
{
	json_t *more;

	utf8_plain(t->checked);
	utf8_plain(t->then);
	more = json_pack("{s:o, s:o}", "checked", cli_text(t->checked), "then",
	    cli_text(t->then[0] ? t->then : NULL));
	own_tell(c, t, t->checked, more);
	own_then_tell(c, t);
}

enum err cmd_repair(struct cli *c, struct fail *f)
{
	struct request q;
	struct told t;
	enum err e = request_read(&q, c, f);

	if (e == ERR_OK)
		e = own_command(c, &q, &t, f);
	if (e == ERR_OK)
		tell(c, &t);
	return e;
}
