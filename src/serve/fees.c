#include "serve/fees.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "codec/json.h"

static void add(json_t *o, const char *key, json_t *v)
{
	CHECK(o && v && json_object_set_new(o, key, v) == 0);
}

static json_t *wei(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	return json_string(text);
}

static json_t *level_encode(const struct quote *q, int level)
{
	json_t *o = json_object(), *cost = json_object();
	char text[AMOUNT_TEXT_MAX];

	add(o, "tip", wei(q->level[level].tip));
	add(o, "price", wei(q->level[level].price));
	add(o, "max_fee", wei(q->level[level].max_fee));
	for (int i = 0; i < BUYS; i++) {
		struct amount v = quote_cost(quote_gas(i), q->level[level].max_fee);

		amount_format(text, &v, 0);
		add(cost, quote_buy_name(i), json_string(text));
	}
	add(o, "cost", cost);
	return o;
}

static json_t *hours_encode(const struct fee_hour *hours)
{
	json_t *list = json_array();

	CHECK(list);
	for (int i = 0; i < QUOTE_HOURS; i++) {
		json_t *o;

		if (!hours[i].known)
			continue;
		o = json_object();
		add(o, "time_ms", json_integer(hours[i].hour * 3600000));
		add(o, "low", wei(hours[i].low));
		add(o, "mean", wei(hours[i].mean));
		add(o, "high", wei(hours[i].high));
		CHECK(json_array_append_new(list, o) == 0);
	}
	return list;
}

json_t *fees_encode(const char *chain, const struct quote *q,
    const struct fee_hour *hours, int64_t wall_ms)
{
	json_t *o = json_object();

	add(o, "chain", json_text(chain));
	add(o, "block", json_integer((json_int_t)q->height));
	add(o, "age_s", json_integer((json_int_t)quote_age_s(q, wall_ms)));
	add(o, "stale", json_boolean(quote_is_stale(q, wall_ms)));
	add(o, "nodes", json_integer(q->nodes));
	add(o, "behind", json_integer(q->behind));
	add(o, "blocks", json_integer(q->blocks));
	add(o, "base_fee", q->has_1559 ? wei(q->base_fee) : json_null());
	add(o, "buffer_percent", json_integer(q->buffer_percent));
	for (int i = 0; i < QUOTES; i++)
		add(o, quote_level_name(i), level_encode(q, i));
	add(o, "hours", hours_encode(hours));
	return o;
}

static json_t *chain_encode(struct runner *r, struct chain_run *c)
{
	int64_t wall_ms = world_wall_ms(r->s.world);
	const struct quote *q = quotes_get(r, c);
	struct fee_hour hours[QUOTE_HOURS];
	json_t *o;

	if (!q) {
		o = json_object();
		add(o, "chain", json_text(c->config->name));
		add(o, "waits_for", json_string("the nodes are being asked: ask again"));
		return o;
	}
	quotes_hours(r->s.journal, c->config->chain_id, wall_ms, hours);
	return fees_encode(c->config->name, q, hours, wall_ms);
}

void fees_all_encode(struct buf *out, struct runner *r)
{
	json_t *o = json_object(), *list = json_array();

	CHECK(list);
	for (int i = 0; i < r->s.chains_n; i++)
		if (r->chains[i].connector->pays)
			CHECK(json_array_append_new(
				  list, chain_encode(r, &r->chains[i])) == 0);
	add(o, "fees", list);
	json_line_add(out, o);
}
