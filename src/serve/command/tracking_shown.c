/* What is followed, as it is shown: JSON. */
#include "base/check.h"
#include "base/hex.h"
#include "codec/json.h"
#include "journal/sql.gen.h"
#include "serve/command/tracking.h"

#define FOUND_MAX TRACKING_CHAINS_MAX

static void put(json_t *o, const char *key, json_t *value)
{
	CHECK(value && json_object_set_new(o, key, value) == 0);
}

static json_t *hash_json(const struct hash *hash)
{
	char text[2 + 64 + 1] = "0x";

	hex_format(text + 2, hash->at, sizeof hash->at);
	return json_string(text);
}

static void labels_put(json_t *o, struct journal *j, int64_t id)
{
	struct sql_report_labels_in in = { .subject_kind = SUBJECT_HASH, .subject = id };
	struct sql_report_labels_out row;
	json_t *labels = json_array();

	CHECK(labels);
	sql_report_labels_begin(j, &in);
	while (sql_report_labels_next(j, &row))
		CHECK(json_array_append_new(labels, json_text(row.label)) == 0);
	put(o, "labels", labels);
}

json_t *tracked_json(struct journal *j, const struct tracked *t)
{
	struct sql_chain_get_out chain;
	bool there =
	    sql_chain_get_one(j, &(struct sql_chain_get_in){ .id = t->chain }, &chain);
	json_t *o = json_object();

	CHECK(o);
	put(o, "hash", hash_json(&t->hash));
	put(o, "chain", json_text(there ? chain.name : "?"));
	put(o, "state", json_string(state_name(MACHINE_TRACKED, t->state)));
	put(o, "of", json_integer(t->confirmations));
	if (t->in_block) {
		struct sql_report_head_in in = { .chain = t->chain };
		struct sql_report_head_out head;

		put(o, "block", json_integer((json_int_t)t->height));
		put(o, "block_hash", hash_json(&t->block_hash));
		if (sql_report_head_one(j, &in, &head) && !head.no_height &&
		    head.height >= (int64_t)t->height)
			put(o, "confirmations",
			    json_integer(head.height - (json_int_t)t->height + 1));
	}
	if (t->in_block && there && !chain.no_stopped)
		put(o, "in_doubt", json_text(chain.stopped));
	if (t->state == TRACKED_MEMPOOL && (t->misses || t->unasked))
		put(o, "missed", json_integer(t->misses));
	if (t->has_by)
		put(o, "by", hash_json(&t->by));
	labels_put(o, j, t->id);
	put(o, "ended", json_boolean(track_ended(t)));
	put(o, "guess", json_boolean(t->guess));
	return o;
}

enum err tracking_encode(
    struct buf *out, struct journal *j, const char *text, struct fail *f)
{
	struct tracked found[FOUND_MAX];
	struct hash hash;
	json_t *list;
	size_t n;

	if (!hex_parse_0x(hash.at, sizeof hash.at, text))
		return fail_set(
		    f, ERR_USAGE, "no hash of a transaction: 0x and 64 digits");
	n = track_find(j, &hash, found, FOUND_MAX);
	if (!n)
		return fail_set(f, ERR_NOT_FOUND, "nobody follows this hash");
	list = json_array();
	CHECK(list);
	for (size_t i = 0; i < n; i++)
		CHECK(json_array_append_new(list, tracked_json(j, &found[i])) == 0);
	json_line_add(out, json_pack("{s:o}", "tracked", list));
	return ERR_OK;
}
