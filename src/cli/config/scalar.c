#include "cli/config/scalar.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/nearest.h"
#include "codec/url.h"
#include "serve/door/listener.h"

#define FEE_PER_GAS_MAX 1000000000000000000u /* wei: a whole coin */
#define URL_MAX 2048
#define COIN_DECIMALS 18

static void number_put(void *field, size_t size, uint64_t v)
{
	unsigned narrow = (unsigned)v; /* ranges in the table fit the field */

	CHECK(size == sizeof v || size == sizeof narrow);
	if (size == sizeof v)
		memcpy(field, &v, sizeof v);
	else
		memcpy(field, &narrow, sizeof narrow);
}

static bool number_parse(uint64_t *ret, const char *text)
{
	struct amount a;

	return amount_parse(&a, text, strlen(text), 0) == AMOUNT_OK &&
	    amount_to_u64(&a, ret);
}

static void number_read(
    struct reader *r, const struct config_row *row, void *field, const struct doc *d)
{
	char out[64];
	uint64_t v;

	if (!number_parse(&v, d->text) || v < row->is.min || v > row->is.max)
		problem(r, d, "%s is not a whole number from %llu to %llu",
		    ref_shown(out, d->text), (unsigned long long)row->is.min,
		    (unsigned long long)row->is.max);
	else
		number_put(field, row->size, v);
}

/* "500 gwei": digits, blanks, unit. */
static const char *fee_parse(uint64_t *ret, const char *text)
{
	size_t digits = strspn(text, "0123456789.");
	const char *unit = text + digits + strspn(text + digits, " ");
	struct amount a;
	enum amount_fault fault;

	if (digits && !*unit)
		return "a fee needs its unit: 500 gwei, 7 wei";
	if (!digits || (strcmp(unit, "gwei") != 0 && strcmp(unit, "wei") != 0))
		return "a fee is a plain number and its unit, gwei or wei: 500 gwei";
	fault = amount_parse(&a, text, digits, *unit == 'g' ? 9 : 0);
	if (fault != AMOUNT_OK)
		return amount_fault_text(fault);
	if (!amount_to_u64(&a, ret) || *ret > FEE_PER_GAS_MAX)
		return "more than 1000000000 gwei for a unit of gas";
	return *ret ? NULL : "a fee of zero";
}

static void fee_read(struct reader *r, void *field, const struct doc *d)
{
	char out[64];
	uint64_t v = 0;
	const char *why = fee_parse(&v, d->text);

	if (why)
		problem(r, d, "%s: %s", ref_shown(out, d->text), why);
	else
		memcpy(field, &v, sizeof v);
}

/* Of the native coin. */
static void coin_read(struct reader *r, void *field, const struct doc *d)
{
	char out[64];
	struct amount v;
	enum amount_fault fault =
	    amount_parse(&v, d->text, strlen(d->text), COIN_DECIMALS);

	if (fault != AMOUNT_OK)
		problem(
		    r, d, "%s: %s", ref_shown(out, d->text), amount_fault_text(fault));
	else
		memcpy(field, &v, sizeof v);
}

/* "90s", "1h": milliseconds. */
bool duration_parse(const char *text, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 },
		{ 'd', 86400000 } };
	size_t digits = strspn(text, "0123456789");
	int64_t n = 0;

	*ret_ms = 0;
	for (size_t i = 0; i < digits && digits <= 6; i++)
		n = n * 10 + (text[i] - '0');
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (text[digits] == units[i].unit && !text[digits + 1])
			*ret_ms = n * units[i].ms;
	return *ret_ms > 0;
}

/* words: what stands for 0, for ever; NULL: it has an end. */
static void duration_read(
    struct reader *r, const struct config_row *row, void *field, const struct doc *d)
{
	const char *never = row->is.words;
	char out[64];
	int64_t ms;

	if (duration_parse(d->text, &ms) ||
	    (never && (!strcmp(d->text, never) || !strcmp(d->text, "0"))))
		memcpy(field, &ms, sizeof ms);
	else
		problem(r, d, "%s: this must be a time such as 90s, 15m, 1h or 2d%s%s",
		    ref_shown(out, d->text), never ? ", or " : "", never ? never : "");
}

/* words: "a|b|c"; the field becomes the place of the word. */
static void choice_read(
    struct reader *r, const struct config_row *row, void *field, const struct doc *d)
{
	char words[64], text[64], *rest = words;
	struct nearest near = { NULL, 0 };

	snprintf(words, sizeof words, "%s", row->is.words);
	for (unsigned i = 0; rest; i++) {
		const char *word = strsep(&rest, "|");

		if (strcmp(word, d->text) == 0) {
			number_put(field, row->size, i);
			return;
		}
		nearest_add(&near, d->text, word);
	}
	problem(r, d, "%s is none of %s%s%s%s", ref_shown(text, d->text), row->is.words,
	    near.best ? "; did you mean " : "", near.best ? near.best : "",
	    near.best ? "?" : "");
}

static void ref_read_in(
    struct reader *r, const struct config_row *row, void *field, const struct doc *d)
{
	struct ref ref;
	struct fail f;

	if (ref_parse(&ref, d->text, (unsigned)row->is.min, &f) != ERR_OK) {
		problem(r, d, "%s", f.why);
		return;
	}
	if (ref.kind == REF_FILE || ref.kind == REF_KEYSTORE)
		ref.at = keep_path(r, ref.at);
	else if (ref.at)
		ref.at = keep(r, ref.at, strlen(ref.at));
	memcpy(field, &ref, sizeof ref);
}

static void where_read(struct reader *r, void *field, const struct doc *d)
{
	const char *text;
	struct ref ref;
	struct fail f;
	size_t size;
	char *file;

	if (ref_parse(&ref, d->text, REF_ENV | REF_FILE, &f) != ERR_OK) {
		problem(r, d, "%s", f.why);
		return;
	}
	text = d->text;
	if (ref.kind == REF_FILE) {
		ref.at = keep_path(r, ref.at);
		size = strlen(ref.at) + sizeof "file:";
		file = keep_array(r, (int)size, 1);
		snprintf(file, size, "file:%s", ref.at);
		text = file;
	} else {
		text = keep(r, text, strlen(text));
	}
	memcpy(field, &text, sizeof text);
}

const char *config_url_fault(const char *url)
{
	return strlen(url) > URL_MAX ? "a URL that is too long" : url_fault(url);
}

/* The URL may hold a secret, so no message repeats it. */
static void url_read(struct reader *r, void *field, const struct doc *d)
{
	const char *fault, *url;
	struct ref ref;
	struct fail f;

	if (strncmp(d->text, "env:", 4) == 0)
		fault = ref_parse(&ref, d->text, REF_ENV, &f) == ERR_OK ? NULL : f.why;
	else
		fault = config_url_fault(d->text);
	if (fault) {
		problem(r, d, "%s", fault);
		return;
	}
	url = keep(r, d->text, strlen(d->text));
	memcpy(field, &url, sizeof url);
}

static void listen_read(struct reader *r, void *field, const struct doc *d)
{
	const char *fault =
	    strcmp(d->text, CONFIG_LISTEN_NONE) == 0 ? NULL : listener_fault(d->text);
	const char *text;
	char out[64];

	if (fault) {
		problem(r, d, "%s is %s, nor none", ref_shown(out, d->text), fault);
		return;
	}
	text = keep(r, d->text, strlen(d->text));
	memcpy(field, &text, sizeof text);
}

static void text_read(
    struct reader *r, const struct config_row *row, void *field, const struct doc *d)
{
	const char *text;

	if (!*d->text) {
		problem(r, d, "empty");
		return;
	}
	text = row->is.type == TYPE_TEXT_PATH ? keep_path(r, d->text)
					      : keep(r, d->text, strlen(d->text));
	memcpy(field, &text, sizeof text);
}

void scalar_read(
    struct reader *r, const struct config_row *row, void *field, const struct doc *d)
{
	if (d->kind != DOC_TEXT)
		problem(r, d, "this must be one value, not a %s",
		    d->kind == DOC_LIST ? "list" : "mapping");
	else if (doc_null(d))
		problem(r, d, "nothing is written here");
	else if (row->is.type == TYPE_TEXT_NUMBER)
		number_read(r, row, field, d);
	else if (row->is.type == TYPE_TEXT_DURATION)
		duration_read(r, row, field, d);
	else if (row->is.type == TYPE_TEXT_FEE)
		fee_read(r, field, d);
	else if (row->is.type == TYPE_TEXT_COIN)
		coin_read(r, field, d);
	else if (row->is.type == TYPE_TEXT_CHOICE)
		choice_read(r, row, field, d);
	else if (row->is.type == TYPE_TEXT_REF)
		ref_read_in(r, row, field, d);
	else if (row->is.type == TYPE_TEXT_WHERE)
		where_read(r, field, d);
	else if (row->is.type == TYPE_TEXT_URL)
		url_read(r, field, d);
	else if (row->is.type == TYPE_TEXT_LISTEN)
		listen_read(r, field, d);
	else
		text_read(r, row, field, d);
}
