/* node apply: changes of the state of a layer 2, all of a file or nothing of it.
 *
 * A line without an id gets one from the whole file's SHA-256 and its number, so that the
 * command that was killed is typed again, and nothing is done twice. So a file is read
 * twice: to be hashed, then to be done.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "cli/node/put.h"
#include "cli/node/snapshots.h"
#include "cli/owner/own.h"
#include "crypto/sha256.h"
#include "kinds/node/judge/rooted.h"
#include "kinds/node/state/book.h"

#define PREFIX_DIGITS 32
#define ID_MADE_MAX (PREFIX_DIGITS + 24)

struct applying {
	struct cli *cli;
	const char *name; /* for sentences */
	FILE *in;
	uint8_t sum[32];
	char prefix[PREFIX_DIGITS + 1]; /* "": no line gets an id */
	long long line;
	struct book_done done;
	struct l2_sight sight; /* of the log */
};

/* -- lines ----------------------------------------------------------------- */

static enum err read_failed(const struct applying *a, struct fail *f)
{
	return fail_set(f, ERR_SYSTEM, "%s: %s", a->name, strerror(errno));
}

/* As far as its line feed; what has none is the last one. false: there are no more. */
static bool line_next(struct applying *a, struct buf *line, struct sha256 *h)
{
	int c;

	buf_clear(line);
	while ((c = getc_unlocked(a->in)) != EOF && c != '\n')
		buf_add_byte(line, (uint8_t)c);
	if (c == EOF && !line->len && !line->over)
		return false;
	a->line++;
	sha256_add(h, buf_text(line), line->len);
	if (c == '\n')
		sha256_add(h, "\n", 1);
	return true;
}

static bool is_empty(const struct buf *line)
{
	return !line->len || (line->len == 1 && line->data[0] == '\r');
}

typedef enum err each_fn(struct applying *a, struct change *c, void *ctx, struct fail *f);

static enum err line_do(
    struct applying *a, const struct buf *line, each_fn *each, void *ctx, struct fail *f)
{
	char made[ID_MADE_MAX];
	struct change c;
	enum err e;

	if (!buf_ok(line))
		return fail_set(
		    f, ERR_TOO_BIG, "it has more than %zu bytes", CHANGE_LINE_MAX);
	e = change_parse(&c, buf_text(line), line->len, f);
	if (e == ERR_OK && !c.id.len && a->prefix[0]) {
		snprintf(made, sizeof made, "%s/%lld", a->prefix, a->line);
		c.id = l2_text(made);
	}
	if (e == ERR_OK)
		e = each(a, &c, ctx, f);
	change_release(&c);
	return e;
}

/* From its beginning; each may be NULL. */
static enum err lines_each(
    struct applying *a, each_fn *each, void *ctx, uint8_t ret_sum[32], struct fail *f)
{
	struct sha256 *h = sha256_begin();
	struct buf line;
	enum err e = ERR_OK;

	buf_init(&line, CHANGE_LINE_MAX);
	rewind(a->in);
	a->line = 0;
	while (e == ERR_OK && line_next(a, &line, h)) {
		if (each && !is_empty(&line))
			e = line_do(a, &line, each, ctx, f);
		if (e != ERR_OK)
			(void)fail_wrap(f, e, "%s:%lld", a->name, a->line);
	}
	buf_release(&line);
	sha256_end(h, ret_sum);
	return e == ERR_OK && ferror(a->in) ? read_failed(a, f) : e;
}

static enum err same_file(const struct applying *a, const uint8_t sum[32], struct fail *f)
{
	if (memcmp(sum, a->sum, sizeof a->sum) == 0)
		return ERR_OK;
	return fail_set(f, ERR_STALE,
	    "%s changed while it was read; nothing of it was done: type it again",
	    a->name);
}

/* -- the file -------------------------------------------------------------- */

/* What comes by a pipe is read twice, too. */
static enum err spool(struct applying *a, struct fail *f)
{
	static char part[64 * 1024];
	size_t n;

	a->name = "standard input";
	a->in = tmpfile();
	if (!a->in)
		return fail_set(f, ERR_SYSTEM, "standard input: a temporary file: %s",
		    strerror(errno));
	while ((n = fread(part, 1, sizeof part, stdin)) > 0)
		if (fwrite(part, 1, n, a->in) != n)
			break;
	if (ferror(stdin) || ferror(a->in) || fflush(a->in))
		return read_failed(a, f);
	return ERR_OK;
}

static enum err file_open(struct applying *a, struct fail *f)
{
	const char *word = args_word(&a->cli->args, 0);
	struct stat st;

	if (!strcmp(word, "-"))
		return spool(a, f);
	a->name = word;
	a->in = fopen(word, "re");
	if (!a->in || fstat(fileno(a->in), &st))
		return read_failed(a, f);
	if (!S_ISREG(st.st_mode))
		return fail_set(f, ERR_INPUT,
		    "%s: no regular file; what comes by a pipe is: pawl node apply -",
		    word);
	return ERR_OK;
}

static enum err file_read(struct applying *a, struct fail *f)
{
	enum err e = file_open(a, f);
	char hex[2 * 32 + 1];

	if (e == ERR_OK)
		e = lines_each(a, NULL, NULL, a->sum, f);
	if (e != ERR_OK || args_has(&a->cli->args, "--again"))
		return e;
	hex_format(hex, a->sum, sizeof a->sum);
	memcpy(a->prefix, hex, PREFIX_DIGITS);
	return ERR_OK;
}

/* -- doing it -------------------------------------------------------------- */

static enum err change_here(
    struct applying *a, struct change *c, void *ctx, struct fail *f)
{
	return book_do(ctx, c, &a->done, f);
}

static enum err is_rooted(void *ctx, const struct change *anchor, struct fail *f)
{
	struct applying *a = ctx;
	struct l2_rooter_paths paths;
	enum err e =
	    snapshots_path(a->cli, "node.data_dir", NULL, SNAPSHOTS_NAME, paths.log, f);

	if (e == ERR_OK)
		e = snapshots_path(
		    a->cli, "node.data_dir", NULL, "reorg_db", paths.reorg_db, f);
	return e == ERR_OK ? l2_rooted(&a->sight, &files_of_system, &paths, anchor, f)
			   : e;
}

static enum err do_here(void *ctx, struct loop *l, struct fail *f)
{
	struct applying *a = ctx;
	struct book *b = put_book(l);
	uint8_t sum[32];
	enum err e;

	a->done = (struct book_done){ 0 };
	book_rooted_by(b, is_rooted, a);
	e = lines_each(a, change_here, b, sum, f);
	if (e == ERR_OK)
		e = same_file(a, sum, f);
	if (e == ERR_OK)
		book_settle(b);
	book_free(b);
	l2_sight_release(&a->sight);
	if (e != ERR_OK)
		return e; /* closing the journal takes all of it back */
	return journal_commit(l->journal, f);
}

/* The number of a line in it is that in the file. */
struct asking {
	struct buf body;
	long long line;
};

static enum err change_ask(
    struct applying *a, struct change *c, void *ctx, struct fail *f)
{
	struct asking *q = ctx;

	for (; q->line < a->line; q->line++)
		buf_add_byte(&q->body, '\n');
	change_format(&q->body, c, true);
	if (buf_ok(&q->body))
		return ERR_OK;
	return fail_set(f, ERR_TOO_BIG,
	    "nothing was done: the process that owns the journal takes %zu KiB of "
	    "changes at once, and the lines above this one fill that%s. End it first, "
	    "which is safe (pawl status says which it is), or give it parts, of %lld "
	    "lines here",
	    REQUEST_LINES_MAX / 1024,
	    a->prefix[0] ? ", with the ids made for those without one" : "", a->line - 1);
}

static enum err do_there(void *ctx, struct client *client, struct fail *f)
{
	struct applying *a = ctx;
	struct request q = { .route = ROUTE_NODE_CHANGES };
	struct asking asking = { .line = 1 };
	struct told t = { .operation = 0 };
	uint8_t sum[32];
	enum err e;

	buf_init(&asking.body, REQUEST_LINES_MAX);
	e = lines_each(a, change_ask, &asking, sum, f);
	if (e == ERR_OK)
		e = same_file(a, sum, f);
	q.lines = buf_text(&asking.body);
	q.lines_len = asking.body.len;
	if (e == ERR_OK) {
		e = client_command(client, &q, &t, f);
		if (e == ERR_INPUT || e == ERR_CONFLICT)
			(void)fail_wrap(f, e, "%s", a->name);
	}
	a->done = (struct book_done){ .fresh = t.fresh, .known = t.known };
	buf_release(&asking.body);
	return e;
}

static enum err apply(struct applying *a, struct fail *f)
{
	return own_do(a->cli,
	    &(struct deed){ .here = do_here,
		.there = do_there,
		.ctx = a,
		.patience_ms = OWNER_PATIENCE_MS },
	    f);
}

static void tell(const struct applying *a)
{
	const struct book_done *d = &a->done;

	if (a->cli->args.json)
		cli_json(json_pack("{s:I, s:I}", "fresh", (json_int_t)d->fresh, "known",
		    (json_int_t)d->known));
	else if (d->fresh || !d->known)
		cli_say(a->cli, "%" PRId64 " change%s done%s.", d->fresh,
		    d->fresh == 1 ? " is" : "s are",
		    d->known ? "; the others were before" : "");
	else
		cli_say(a->cli,
		    "%s%" PRId64 " change%s done before: nothing was done now%s.",
		    d->known == 1 ? "The " : "All ", d->known,
		    d->known == 1 ? " was" : "s were",
		    a->prefix[0] ? "; to do lines without an id once more: --again" : "");
}

enum err cmd_node_apply(struct cli *c, struct fail *f)
{
	struct applying a = { .cli = c };
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = file_read(&a, f);
	if (e == ERR_OK)
		e = apply(&a, f);
	if (a.in)
		(void)fclose(a.in);
	if (e == ERR_OK)
		tell(&a);
	return e;
}
