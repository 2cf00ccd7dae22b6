#include <string.h>

#include "base/hex.h"
#include "sim/chain/mempool.h"
#include "sim/world/world_in.h"

#define WIRE_FAR_PER_MILLE 125
#define WIRE_FAR_MS 60000
#define SEND_METHOD "eth_sendRawTransaction"

/* One transaction under way, in the chain's region. */
struct sim_wire {
	struct sim_wire *next;
	struct sim_tx *tx;
	struct sim_node *node;
	uint64_t request; /* 0: of an earlier life */
};

static void wire_add(struct sim_world *w, const struct sim_request *q, struct sim_tx *t)
{
	struct sim_chain *c = w->o.chain;
	struct sim_wire *i = c->wire_free;

	if (i)
		c->wire_free = i->next;
	else
		i = sim_chain_take(c, sizeof *i);
	*i = (struct sim_wire){
		.next = c->wire, .tx = t, .node = q->node, .request = q->id
	};
	c->wire = i;
}

static void wire_remove(struct sim_chain *c, struct sim_wire **at)
{
	struct sim_wire *i = *at;

	*at = i->next;
	i->next = c->wire_free;
	c->wire_free = i;
}

/* NULL for tx: all of that request. */
static void wire_end(struct sim_chain *c, uint64_t request, const struct sim_node *n,
    const struct sim_tx *t)
{
	struct sim_wire **at = &c->wire, *i;

	while ((i = *at))
		if (i->request == request && (!t || (i->tx == t && i->node == n)))
			wire_remove(c, at);
		else
			at = &i->next;
}

void sim_wire_end(struct sim_world *w, const struct sim_request *q)
{
	wire_end(w->o.chain, q->id, NULL, NULL);
}

/* A quoted "0x..." behind the method's name. */
void sim_wire_put(struct sim_world *w, const struct sim_request *q, bool arrives)
{
	static const char open[] = "\"0x";
	const char *at = q->body, *end = q->body + q->len, *close;
	uint8_t raw[RAW_MAX];
	struct sim_tx *t;
	size_t len;

	while ((at = memmem(at, (size_t)(end - at), SEND_METHOD, strlen(SEND_METHOD)))) {
		at = memmem(at, (size_t)(end - at), open, strlen(open));
		close = at ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
		if (!close)
			return;
		at += strlen(open);
		len = (size_t)(close - at) / 2;
		if (len > sizeof raw || !hex_parse(raw, len, at, (size_t)(close - at)))
			continue;
		t = sim_tx_add(w->o.chain, raw, len, NULL);
		if (t && w->o.sent)
			w->o.sent(w->o.ctx, t);
		if (t && arrives)
			wire_add(w, q, t);
	}
}

void sim_wire_resume(struct sim_world *w)
{
	struct sim_chain *c = w->o.chain;
	struct sim_wire **at = &c->wire, *i;
	uint64_t within_ms;

	while ((i = *at)) {
		i->request = 0;
		if (!sim_random_hit(&w->dice, w->o.wire_per_mille)) {
			wire_remove(c, at);
			continue;
		}
		within_ms = sim_random_hit(&w->dice, WIRE_FAR_PER_MILLE)
		    ? WIRE_FAR_MS
		    : (uint64_t)w->o.latency_ms;
		sim_event_add(w, 1 + (int64_t)sim_random_below(&w->dice, within_ms),
		    (struct sim_event){
			.kind = EVENT_WIRE, .tx = i->tx, .node = i->node });
		at = &i->next;
	}
}

void sim_wire_arrive(struct sim_world *w, struct sim_node *n, struct sim_tx *t)
{
	struct sim_word word;
	struct hash hash;

	wire_end(w->o.chain, 0, n, t);
	if (!n->down)
		sim_node_send(n, &word, &hash, t->raw, t->raw_len);
}
