/* Answers that wait for what they say. Each is a row already, with what was known when it
 * was asked for: who dies meanwhile has lost nothing. */
#include <stdio.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"
#include "tell/bot/bot_in.h"

#define LATER_MS 5000

void later_add(struct bot *b, int64_t notice, int64_t subscriber, const char *chain)
{
	struct later *l = &b->later[b->later_n];

	if (b->later_n == LATER_MAX || MUTANT(old_fees_are_told))
		return;
	b->later_n++;
	*l = (struct later){ .notice = notice,
		.subscriber = subscriber,
		.until_ms = world_now_ms(b->world) + LATER_MS };
	snprintf(l->chain, sizeof l->chain, "%s", chain);
}

int64_t bot_held_ms(const struct bot *b, int64_t subscriber)
{
	int64_t held_ms = 0;

	for (int i = 0; i < b->later_n; i++)
		if (b->later[i].subscriber == subscriber &&
		    b->later[i].until_ms > held_ms)
			held_ms = b->later[i].until_ms;
	return held_ms;
}

static void write_anew(struct bot *b, struct runner *r, const struct later *l)
{
	const struct bot_asked q = {
		.subscriber = l->subscriber, .target = "", .hash = "", .chain = l->chain
	};
	bool table = false;
	struct buf out;
	char *body;

	buf_init(&out, BOT_TEXT_MAX);
	b->face.fees(b->face.ctx, r, &q, &out, &table);
	body = out.len ? answer_body(buf_text(&out), table) : NULL;
	if (body)
		sql_answer_rewrite(b->journal,
		    &(struct sql_answer_rewrite_in){ .notice = l->notice, .body = body });
	mem_free(body);
	buf_release(&out);
}

/* By when it may be sent, if nothing of his waits any more. */
static void let_go(struct bot *b, int64_t subscriber)
{
	struct target *t = target_find(b->roster, subscriber);
	int64_t held_ms = bot_held_ms(b, subscriber);

	if (t && t->state == TARGET_WAITS)
		target_wait(b->roster, t, t->free_ms > held_ms ? t->free_ms : held_ms);
}

void later_turn(struct bot *b, struct runner *r)
{
	int64_t now_ms = world_now_ms(b->world);

	for (int i = 0; i < b->later_n;) {
		const struct later l = b->later[i];
		bool known = b->face.fees_known(b->face.ctx, r, l.chain);

		if (!known && now_ms < l.until_ms) {
			runner_wake_at(r, l.until_ms);
			i++;
			continue;
		}
		if (known)
			write_anew(b, r, &l);
		b->later[i] = b->later[--b->later_n];
		let_go(b, l.subscriber);
	}
}
