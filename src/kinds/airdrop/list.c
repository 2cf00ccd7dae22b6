#include "kinds/airdrop/list.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "codec/eip55.h"
#include "kinds/airdrop/list_part.h"

#define TEXT_MAX 320 /* of one problem */

/* -- problems -------------------------------------------------------------- */

void list_problems_release(struct list_problems *p)
{
	for (int64_t i = 0; i < p->n; i++)
		mem_free(p->at[i].text);
	mem_free(p->at);
	*p = (struct list_problems){ 0 };
}

static void PRINTF(3, 0)
    problem_add(struct list_reader *r, int64_t line, const char *fmt, va_list args)
{
	struct list_problems *p = r->problems;
	char text[TEXT_MAX];

	if (r->err != ERR_OK)
		return; /* only an echo of the read that failed */
	if (p->n == LIST_PROBLEMS_MAX) {
		p->more++;
		return;
	}
	if (!p->at)
		p->at = mem_array(LIST_PROBLEMS_MAX, sizeof *p->at);
	vsnprintf(text, sizeof text, fmt, args);
	p->at[p->n++] = (struct list_problem){
		.line = line, .column = r->at_column, .text = mem_str(text)
	};
}

void list_problem(struct list_reader *r, int64_t line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(r, line, fmt, args);
	va_end(args);
}

void list_lost(struct list_reader *r, int64_t line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(r, line, fmt, args);
	va_end(args);
	r->stop = true;
}

const char *list_show(char out[LIST_SHOW_BYTES], const char *text, size_t len)
{
	size_t n = len < LIST_SHOW_BYTES ? len : LIST_SHOW_BYTES - 4;

	for (size_t i = 0; i < n; i++)
		out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	snprintf(out + n, LIST_SHOW_BYTES - n, "%s", n < len ? "..." : "");
	return out;
}

/* -- bytes ----------------------------------------------------------------- */

static ssize_t rest_read(struct list_reader *r)
{
	size_t n = r->rest_len < sizeof r->block ? r->rest_len : sizeof r->block;

	memcpy(r->block, r->rest, n);
	r->rest += n;
	r->rest_len -= n;
	return (ssize_t)n;
}

bool list_fill(struct list_reader *r)
{
	ssize_t n;

	if (r->ended)
		return false;
	do
		n = r->fd < 0 ? rest_read(r) : read(r->fd, r->block, sizeof r->block);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		r->err = fail_file(r->f, ERR_INPUT, r->path);
		r->stop = true;
	}
	r->ended = n <= 0;
	r->block_at = 0;
	r->block_len = r->ended ? 0 : (size_t)n;
	sha256_add(r->hash, r->block, r->block_len);
	return !r->ended;
}

bool list_text_add(struct list_reader *r, int64_t line, int byte)
{
	if (r->text_len == sizeof r->text) {
		list_lost(r, line,
		    "the row is longer than %d bytes (a quote not closed?)",
		    LIST_ROW_BYTES_MAX);
		return false;
	}
	r->text[r->text_len++] = (char)byte;
	return true;
}

void list_text_check(struct list_reader *r, int64_t line)
{
	bool said = false;

	for (size_t i = 0, n; i < r->text_len; i += n ? n : 1) {
		n = utf8_next(r->text + i, r->text_len - i);
		line += r->text[i] == '\n';
		if (n != 0 && r->text[i] != '\0')
			continue;
		if (!said)
			list_problem(r, line, n == 0 ? "bad UTF-8" : "a NUL byte");
		said = true;
		r->text[i] = '?';
	}
}

/* -- names ----------------------------------------------------------------- */

static const char *const names[LIST_NAMES] = {
	[LIST_ADDRESS] = "address",
	[LIST_AMOUNT] = "amount",
	[LIST_MEMO] = "memo",
};

const char *list_name(enum list_name name)
{
	return names[name];
}

enum list_name list_name_guess(const struct list_text *text)
{
	struct nearest near = { NULL, 0 };
	char word[LIST_SHOW_BYTES];
	enum list_name best = LIST_NAMES;

	if (text->len >= sizeof word)
		return best;
	memcpy(word, text->at, text->len);
	word[text->len] = '\0';
	for (enum list_name n = LIST_ADDRESS; n < LIST_NAMES; n++) {
		nearest_add(&near, word, names[n]);
		if (near.best == names[n])
			best = n;
	}
	return best;
}

enum list_name list_name_find(
    struct list_reader *r, int64_t line, const char *what, const struct list_text *text)
{
	char show[LIST_SHOW_BYTES];
	enum list_name near;

	for (enum list_name n = LIST_ADDRESS; n < LIST_NAMES; n++)
		if (text->len == strlen(names[n]) &&
		    memcmp(text->at, names[n], text->len) == 0)
			return n;
	near = list_name_guess(text);
	list_show(show, text->at, text->len);
	r->at_column = text->column;
	if (near == LIST_NAMES)
		list_problem(r, line,
		    "unknown %s \"%s\"; there are address, amount and memo", what, show);
	else
		list_problem(r, line, "unknown %s \"%s\"; did you mean \"%s\"?", what,
		    show, names[near]);
	r->at_column = 0;
	return LIST_NAMES;
}

/* -- a row ----------------------------------------------------------------- */

static bool address_is_zero(const struct address *a)
{
	return memcmp(a, &(struct address){ 0 }, sizeof *a) == 0;
}

static bool address_take(
    struct list_reader *r, struct list_row *row, const struct list_text *text)
{
	char show[LIST_SHOW_BYTES];

	list_show(show, text->at, text->len);
	switch (eip55_parse(row->to.at, text->at, text->len)) {
	case EIP55_OK:
		break;
	case EIP55_NOT_AN_ADDRESS:
		list_problem(r, row->line,
		    "\"%s\" is not an address (0x and 40 hexadecimal digits)", show);
		return false;
	case EIP55_BAD_CHECKSUM:
		list_problem(r, row->line,
		    "the checksum of %s does not match: it is mistyped somewhere", show);
		return false;
	}
	if (r->rules->token && address_is_zero(&row->to)) {
		list_problem(r, row->line, "a token can't be paid to the zero address");
		return false;
	}
	return true;
}

static void amount_problem(struct list_reader *r, int64_t line, enum amount_fault fault,
    const struct list_text *text)
{
	char show[LIST_SHOW_BYTES];

	list_show(show, text->at, text->len);
	if (fault == AMOUNT_EMPTY)
		list_problem(r, line, "the amount is empty");
	else if (fault == AMOUNT_OVERFLOW)
		list_problem(r, line, "the amount %s is larger than any can be", show);
	else if (r->rules->base_units)
		list_problem(r, line,
		    "the amount \"%s\" is not an integer (digits only, in base units)",
		    show);
	else if (fault == AMOUNT_TOO_PRECISE)
		list_problem(r, line,
		    "the amount %s has more decimals than the asset (%u)", show,
		    r->rules->decimals);
	else
		list_problem(r, line,
		    "the amount \"%s\" is not a plain number (digits and one point; no "
		    "sign, exponent, separator or space)",
		    show);
}

static void amount_take(
    struct list_reader *r, struct list_row *row, const struct list_text *text)
{
	unsigned decimals = r->rules->base_units ? 0 : r->rules->decimals;
	enum amount_fault fault =
	    amount_parse(&row->amount, text->at, text->len, decimals);

	if (fault != AMOUNT_OK) {
		amount_problem(r, row->line, fault, text);
	} else if (amount_is_zero(&row->amount)) {
		list_problem(r, row->line, "the amount is zero");
	} else if (!amount_add(&r->sum.total, &r->sum.total, &row->amount) &&
	    !r->sum_over) {
		r->sum_over = true;
		list_problem(r, row->line,
		    "up to here the amounts add up to more than any amount can be");
	}
}

static void memo_take(
    struct list_reader *r, struct list_row *row, const struct list_text *text)
{
	if (!text->at || text->len == 0)
		return;
	if (text->len > LIST_MEMO_BYTES_MAX)
		list_problem(r, row->line, "the memo has %zu bytes, %d are the most",
		    text->len, LIST_MEMO_BYTES_MAX);
	row->memo = text->at;
	row->memo_len = text->len;
}

static void duplicate_judge(struct list_reader *r, const struct list_row *row)
{
	uint32_t first = list_seen_put(&r->seen, &row->to, (uint32_t)row->line);
	char show[43];

	if (first == 0)
		return;
	if (r->sum.duplicates < LIST_SHOWN_MAX)
		r->sum.duplicate_at[r->sum.duplicates] =
		    (struct list_pair){ .line = row->line, .first_line = first };
	r->sum.duplicates++;
	if (r->rules->allow_duplicates)
		return;
	eip55_format(show, row->to.at);
	list_problem(r, row->line,
	    "%s is paid on line %" PRIu32 " already (--allow-duplicates allows it)", show,
	    first);
}

static const char *self_name(const struct list_rules *rules, const struct address *to)
{
	if (memcmp(to, &rules->sender, sizeof *to) == 0)
		return "the sender itself";
	if (rules->token && memcmp(to, &rules->token_address, sizeof *to) == 0)
		return "the token's own contract";
	if (address_is_zero(to))
		return "the zero address";
	return NULL;
}

static void self_judge(struct list_reader *r, const struct list_row *row)
{
	const char *self = self_name(r->rules, &row->to);

	if (!self)
		return;
	if (r->sum.self_payments < LIST_SHOWN_MAX)
		r->sum.self_line[r->sum.self_payments] = row->line;
	r->sum.self_payments++;
	if (!r->rules->allow_self)
		list_problem(r, row->line, "it pays %s (--allow-self allows it)", self);
}

void list_take(
    struct list_reader *r, int64_t line, const struct list_text text[LIST_NAMES])
{
	struct list_row row = { .row = r->sum.rows + 1, .line = line };

	if (row.row > LIST_ROWS_MAX || line > UINT32_MAX) {
		list_lost(r, line, "the list is too long: at most %d rows and 2^32 lines",
		    LIST_ROWS_MAX);
		return;
	}
	r->sum.rows++;
	r->at_column = text[LIST_ADDRESS].column;
	if (text[LIST_ADDRESS].at && address_take(r, &row, &text[LIST_ADDRESS]) &&
	    r->rules->judge) {
		duplicate_judge(r, &row);
		self_judge(r, &row);
	}
	r->at_column = text[LIST_AMOUNT].column;
	if (text[LIST_AMOUNT].at)
		amount_take(r, &row, &text[LIST_AMOUNT]);
	r->at_column = text[LIST_MEMO].column;
	memo_take(r, &row, &text[LIST_MEMO]);
	r->at_column = 0;
	if (r->problems->n > 0)
		return;
	r->err = r->each(r->ctx, &row, r->f);
	r->stop = r->err != ERR_OK;
}

/* -- the file -------------------------------------------------------------- */

static enum err file_open(int *ret_fd, const char *path, struct fail *f)
{
	/* not to hang on a pipe that nobody writes to */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return fail_file(f, ERR_INPUT, path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*ret_fd = fd;
		return ERR_OK;
	}
	close(fd);
	return fail_set(f, ERR_INPUT,
	    "%s: not a regular file; a list is read twice, so save it in a file first",
	    path);
}

static bool block_starts(const struct list_reader *r, const char *bytes, size_t len)
{
	return r->block_len >= len && memcmp(r->block, bytes, len) == 0;
}

static void file_read(struct list_reader *r)
{
	size_t at;

	if (!list_fill(r)) {
		list_lost(r, 0, "the file is empty");
		return;
	}
	if (block_starts(r, "\xff\xfe", 2) || block_starts(r, "\xfe\xff", 2)) {
		list_lost(r, 0, "the file is UTF-16; save it as UTF-8");
		return;
	}
	if (block_starts(r, "\xef\xbb\xbf", 3))
		r->block_at = 3;
	for (at = r->block_at; at < r->block_len; at++)
		if (!strchr(" \t\r\n", r->block[at]) || r->block[at] == '\0')
			break;
	if (at < r->block_len && (r->block[at] == '[' || r->block[at] == '{'))
		list_json(r);
	else
		list_csv(r);
	if (r->sum.rows == 0 && r->problems->n == 0)
		list_lost(r, 0, "the list has no rows");
}

static enum err problems_fail(
    const struct list_problems *p, const char *path, struct fail *f)
{
	char line[24] = "", more[48] = "";

	if (p->at[0].line > 0)
		snprintf(line, sizeof line, "%" PRId64 ":", p->at[0].line);
	if (p->n > 1)
		snprintf(
		    more, sizeof more, " (and %" PRId64 " more)", p->n - 1 + p->more);
	return fail_set(f, ERR_INPUT, "%s:%s %s%s", path, line, p->at[0].text, more);
}

static enum err reader_run(struct list_reader *r, struct list_sum *ret)
{
	r->hash = sha256_begin();
	list_seen_init(&r->seen);
	file_read(r);
	list_seen_release(&r->seen);
	sha256_end(r->hash, r->sum.file_hash);
	if (r->err != ERR_OK)
		return r->err;
	if (r->problems->n > 0)
		return problems_fail(r->problems, r->path, r->f);
	*ret = r->sum;
	return ERR_OK;
}

/* Frees r. */
static enum err read_as(struct list_reader *r, struct list_sum *ret,
    struct list_problems *problems, const struct list_rules *rules, struct fail *f)
{
	struct list_problems unasked = { 0 };
	enum err e;

	r->rules = rules;
	r->f = f;
	r->problems = problems ? problems : &unasked;
	r->line = r->column = 1;
	e = reader_run(r, ret);
	mem_free(r);
	list_problems_release(&unasked);
	return e;
}

enum err list_read(struct list_sum *ret, struct list_problems *problems, const char *path,
    const struct list_rules *rules, list_row_fn *each, void *ctx, struct fail *f)
{
	struct list_reader *r;
	int fd = -1;
	enum err e = file_open(&fd, path, f);

	if (e != ERR_OK)
		return e;
	r = mem_new(sizeof *r);
	r->path = path;
	r->each = each;
	r->ctx = ctx;
	r->fd = fd;
	e = read_as(r, ret, problems, rules, f);
	close(fd);
	return e;
}

enum err list_read_text(struct list_sum *ret, struct list_problems *problems,
    const char *what, const char *text, size_t len, const struct list_rules *rules,
    list_row_fn *each, void *ctx, struct fail *f)
{
	struct list_reader *r = mem_new(sizeof *r);

	r->path = what;
	r->each = each;
	r->ctx = ctx;
	r->fd = -1;
	r->rest = text;
	r->rest_len = len;
	return read_as(r, ret, problems, rules, f);
}
