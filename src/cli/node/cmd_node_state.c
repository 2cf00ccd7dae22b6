/* node state: what there is, and that it is what its changes left. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/report/report.h"
#include "kinds/node/state/book.h"
#include "kinds/node/state/dump.h"

#define PART_BYTES ((size_t)64 * 1024)

struct dumping {
	struct buf out;
};

static void flush(struct dumping *d)
{
	(void)!fwrite(buf_text(&d->out), 1, d->out.len, stdout);
	buf_clear(&d->out);
}

static void dump_one(void *ctx, enum l2_list list, const void *record)
{
	struct dumping *d = ctx;

	dump_record_format(&d->out, list, record);
	if (d->out.len >= PART_BYTES)
		flush(d);
}

static void dump(struct journal *j, const struct book_sums *s, const char *root)
{
	struct dump_head head = { .timestamp_ms = (uint64_t)clock_wall_ms(),
		.has_root = true };
	struct dumping d;

	for (int i = 0; i < L2_LISTS; i++)
		head.n[i] = (uint64_t)s->n[i];
	memcpy(head.root, root, L2_HEX);
	buf_init(&d.out, PART_BYTES + 2 * DUMP_LINE_MAX);
	dump_head_format(&d.out, &head);
	for (int i = 0; i < L2_LISTS && !ferror(stdout); i++)
		book_each(j, (enum l2_list)i, dump_one, &d);
	flush(&d);
	buf_release(&d.out);
}

static void say_amount(const struct cli *c, const char *what, const struct amount *a)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, a, 0);
	cli_say(c, "%-10s %s", what, text);
}

static void say(const struct cli *c, const struct book_sums *s, const char *root)
{
	struct amount supply = book_supply(s);

	printf("root       %s\n", root);
	say_amount(c, "supply", &supply);
	say_amount(c, "minted", &s->minted);
	say_amount(c, "burned", &s->burned);
	say_amount(c, "in escrow", &s->escrows);
	for (int i = 0; i < L2_LISTS; i++)
		cli_say(c, "%-10s %" PRId64, l2_kinds[i].many, s->n[i]);
	cli_say(c, "%-10s %" PRId64, "changes", s->changes);
}

enum err cmd_node_state(struct cli *c, struct fail *f)
{
	struct book_sums sums;
	struct journal *j;
	char root[L2_HEX];
	enum err e = report_open(c, &j, f);

	if (e != ERR_OK)
		return e;
	journal_read_begin(j);
	book_sums(j, &sums);
	e = book_check(j, root, f);
	if (e == ERR_OK)
		e = book_check_told(j, f);
	if (e == ERR_OK && c->args.json)
		dump(j, &sums, root);
	else if (e == ERR_OK)
		say(c, &sums, root);
	journal_read_end(j);
	journal_close(j);
	return e;
}
