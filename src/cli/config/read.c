#include "cli/config/read.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/nearest.h"
#include "cli/config/chain.h"
#include "cli/config/percents.h"
#include "cli/config/reader.h"
#include "cli/config/scalar.h"
#include "cli/config/within.h"

/* Neither is ever reached: what goes into them is counted and bounded before. */
#define DOC_MEMORY_MAX (256u << 20)
#define CONFIG_MEMORY_MAX (256u << 20)
#define PROBLEMS_MAX 65536

/* -- mappings -------------------------------------------------------------- */

static void deep_read(struct reader *r, const struct config_row *row, void *object,
    const struct doc *d, const struct doc *around);

static void row_read(struct reader *r, const struct config_row *row, void *object,
    const struct doc *d, const struct doc *around)
{
	struct doc text = { .kind = DOC_TEXT, .quoted = true };
	const char *file = r->file;
	size_t path = path_push(r, row->name);
	bool whole = row->is.type == TYPE_DEEP_MAP || row->is.type == TYPE_DEEP_CHAINS ||
	    row->is.type == TYPE_DEEP_KEYS ||
	    row->is.type == TYPE_DEEP_TOKENS; /* their keys have twins, they don't */
	const struct twin *twin = whole ? NULL : twin_get(r);

	if (twin) {
		text.text = twin->value;
		r->file = twin->name;
		d = &text;
	} else if (!d && row->value && *row->value) {
		text.text = row->value;
		d = &text;
	}
	if (row->is.type > TYPE_TEXT_LAST)
		deep_read(r, row, object, d, around);
	else if (d)
		scalar_read(r, row, (char *)object + row->at, d);
	else if (!row->value)
		problem_key(r, around, "this key is required");
	r->file = file;
	path_pop(r, path);
}

static void unknown_key(
    struct reader *r, enum config_group group, const struct doc *entry)
{
	struct nearest near = { NULL, 0 };
	char out[64];

	for (int i = 0; i < config_rows_n; i++)
		if (config_rows[i].group == group)
			nearest_add(&near, entry->key, config_rows[i].name);
	if (near.best)
		problem_key(r, entry, "no key %s here; did you mean %s?",
		    ref_shown(out, entry->key), near.best);
	else
		problem_key(r, entry, "no key %s here; see: pawl help config",
		    ref_shown(out, entry->key));
}

static bool key_known(enum config_group group, const char *key)
{
	for (int i = 0; i < config_rows_n; i++)
		if (config_rows[i].group == group &&
		    strcmp(config_rows[i].name, key) == 0)
			return true;
	return false;
}

/* d: a mapping, or NULL for one that nobody wrote; around has the place to blame. */
static void group_read(struct reader *r, enum config_group group, void *object,
    const struct doc *d, const struct doc *around)
{
	if (d && d->kind != DOC_MAP && !doc_null(d)) {
		problem(r, d, "this must be a mapping (key: value)");
		return;
	}
	for (const struct doc *at = d ? d->children : NULL; at; at = at->next)
		if (!key_known(group, at->key))
			unknown_key(r, group, at);
	for (int i = 0; i < config_rows_n; i++)
		if (config_rows[i].group == group)
			row_read(r, &config_rows[i], object,
			    doc_get(d, config_rows[i].name), around);
}

/* -- chains ---------------------------------------------------------------- */

static void finality_read(struct reader *r, struct finality *finality,
    const struct doc *d, const struct doc *around)
{
	size_t path = path_push(r, "depth");
	bool depth = twin_get(r) != NULL;

	path_pop(r, path);
	if (depth || (d && d->kind == DOC_MAP))
		group_read(r, GROUP_FINALITY, finality,
		    d && d->kind == DOC_MAP ? d : NULL, d ? d : around);
	else if (!d)
		problem_key(r, around, "this key is required");
	else if (d->kind == DOC_TEXT && strcmp(d->text, "finalized") == 0)
		finality->tag = true;
	else
		problem(r, d, "finality is {depth: BLOCKS} or finalized");
}

/* In the environment: with blanks between them. */
static const struct doc *list_split(struct reader *r, const struct doc *d)
{
	struct doc *list = keep_array(r, 1, sizeof *list), **tail = &list->children;
	const char *at = d->text;

	list->kind = DOC_LIST;
	list->line = d->line;
	list->column = d->column;
	for (size_t len; at += strspn(at, " "), (len = strcspn(at, " ")) > 0; at += len) {
		*tail = keep_array(r, 1, sizeof **tail);
		(*tail)->text = keep(r, at, len);
		(*tail)->quoted = true;
		(*tail)->line = d->line;
		(*tail)->column = d->column;
		tail = &(*tail)->next;
	}
	return list;
}

static void endpoint_read(struct reader *r, struct node_config *node, const struct doc *d)
{
	struct doc url = *d, map = { .kind = DOC_MAP, .children = &url };

	url.key = "url";
	url.next = NULL;
	map.line = map.key_line = d->line;
	map.column = map.key_column = d->column;
	if (d->kind == DOC_MAP)
		map.children = d->children;
	group_read(r, GROUP_ENDPOINT, node, &map, &map);
	if (node->burst && !node->rate)
		problem(r, d, "a burst is of a rate: say rate, too");
	if (!node->user != !node->password)
		problem(r, d, "user and password belong together: say both");
	else if (node->user && node->cookie)
		problem(r, d, "a cookie is a user and a password: say either");
}

static void endpoints_read(struct reader *r, struct chain_config *chain,
    const struct doc *d, const struct doc *around)
{
	int n = 0;

	if (!d) {
		problem_key(r, around, "this key is required");
		return;
	}
	if (d->kind == DOC_TEXT)
		d = list_split(r, d);
	for (const struct doc *at = d->children; at; at = at->next)
		n++;
	if (d->kind != DOC_LIST || n == 0 || n > POOL_NODES_MAX) {
		problem(r, d, "endpoints are a list of 1 to %d nodes", POOL_NODES_MAX);
		return;
	}
	chain->endpoints = keep_array(r, n, sizeof *chain->endpoints);
	for (const struct doc *at = d->children; at; at = at->next) {
		char number[16];
		size_t path;

		snprintf(number, sizeof number, "%d", chain->endpoints_n);
		path = path_push(r, number);
		endpoint_read(r, &chain->endpoints[chain->endpoints_n++], at);
		path_pop(r, path);
	}
}

/* -- keys ------------------------------------------------------------------ */

static bool ref_same(const struct ref *a, const struct ref *b)
{
	bool file_a = a->kind == REF_FILE || a->kind == REF_KEYSTORE;
	bool file_b = b->kind == REF_FILE || b->kind == REF_KEYSTORE;

	return a->at && b->at && file_a == file_b && strcmp(a->at, b->at) == 0;
}

static void key_finish(struct reader *r, struct key_config *key, const struct doc *d)
{
	const struct doc *password = doc_get(d, "password"),
			 *source = doc_get(d, "source");

	if (key->source.kind == REF_KEYSTORE && !key->password.kind)
		key->password.kind = REF_PROMPT;
	else if (key->source.kind && key->source.kind != REF_KEYSTORE &&
	    key->password.kind)
		problem_key(r, password ? password : d, "only a keystore has a password");
	for (const struct key_config *at = r->c->keys; at != key; at++)
		if (ref_same(&at->source, &key->source))
			problem_key(r, source ? source : d,
			    "this source is already that of key %s", at->name);
}

/* -- named mappings -------------------------------------------------------- */

bool config_name_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len && len <= CONFIG_NAME_MAX && !name[len];
}

static bool name_check(struct reader *r, const struct doc *map, const struct doc *entry)
{
	char mine[16 + 2 * CONFIG_NAME_MAX], other[16 + 2 * CONFIG_NAME_MAX], out[64];

	if (!config_name_valid(entry->key) || ref_looks_secret(entry->key)) {
		problem_key(r, entry, "%s is no name: 1 to %d of a-z, 0-9, _ and -",
		    ref_shown(out, entry->key), CONFIG_NAME_MAX);
		return false;
	}
	twin_name(mine, entry->key);
	for (const struct doc *at = map->children; at != entry; at = at->next) {
		if (!config_name_valid(at->key))
			continue;
		twin_name(other, at->key);
		if (strcmp(mine, other) == 0)
			problem_key(r, entry,
			    "%s and %s would be the same in the environment", at->key,
			    entry->key);
	}
	return true;
}

/* d's mapping, with room checked; NULL when there is nothing to read. */
static const struct doc *named_begin(
    struct reader *r, const struct doc *d, int max, int *ret_n)
{
	int n = 0;

	*ret_n = 0;
	if (!d || doc_null(d))
		return NULL;
	for (const struct doc *at = d->children; at; at = at->next)
		n++;
	if (d->kind != DOC_MAP || n > max) {
		problem(r, d, "this must be a mapping (NAME: ...) of at most %d", max);
		return NULL;
	}
	*ret_n = n;
	return d;
}

static void chains_read(struct reader *r, const struct doc *d)
{
	struct config *c = r->c;
	int n;
	const struct doc *map = named_begin(r, d, CONFIG_CHAINS_MAX, &n);

	c->chains = keep_array(r, n, sizeof *c->chains);
	for (const struct doc *at = map ? map->children : NULL; at; at = at->next) {
		struct chain_config *chain = &c->chains[c->chains_n];
		size_t path;

		if (!name_check(r, map, at))
			continue;
		path = path_push(r, at->key);
		chain->name = keep(r, at->key, strlen(at->key));
		group_read(r, GROUP_CHAIN, chain, at, at);
		chain_finish(r, chain, at);
		c->chains_n++;
		path_pop(r, path);
	}
}

static void key_read(struct reader *r, const struct doc *d)
{
	struct key_config *key = &r->c->keys[r->c->keys_n];
	size_t path = path_push(r, d->key);

	key->name = keep(r, d->key, strlen(d->key));
	group_read(r, GROUP_KEY, key, d, d);
	key_finish(r, key, d);
	r->c->keys_n++;
	path_pop(r, path);
}

/* A keystore that another entry names already is that entry's. */
static bool found_is_new(struct reader *r, const struct doc *found)
{
	struct ref ref = { REF_KEYSTORE, NULL };
	bool new = true;

	ref.at = keep_path(r, found->children->text + strlen("keystore:"));
	for (int i = 0; i < r->c->keys_n; i++)
		if (ref_same(&r->c->keys[i].source, &ref) ||
		    strcmp(r->c->keys[i].name, found->key) == 0)
			new = false;
	return new;
}

static void keys_read(struct reader *r, const struct doc *d)
{
	int n;
	const struct doc *map = named_begin(r, d, CONFIG_KEYS_MAX, &n);
	const char *file = r->file;

	for (const struct doc *at = r->found; at; at = at->next)
		n++;
	r->c->keys = keep_array(r, n, sizeof *r->c->keys);
	for (const struct doc *at = map ? map->children : NULL; at; at = at->next)
		if (name_check(r, map, at))
			key_read(r, at);
	for (const struct doc *at = r->found; at; at = at->next) {
		if (!found_is_new(r, at))
			continue;
		r->file = at->children->text;
		key_read(r, at);
	}
	r->file = file;
}

/* -- tokens ---------------------------------------------------------------- */

static void tokens_read(struct reader *r, const struct doc *d)
{
	struct serve_config *serve = &r->c->serve;
	int n;
	const struct doc *map = named_begin(r, d, CONFIG_TOKENS_MAX, &n);

	serve->tokens = keep_array(r, n, sizeof *serve->tokens);
	for (const struct doc *at = map ? map->children : NULL; at; at = at->next) {
		struct token_config *token = &serve->tokens[serve->tokens_n];
		const struct config_row row = { .name = at->key,
			.at = offsetof(struct token_config, token),
			.size = sizeof token->token,
			.is = { .type = TYPE_TEXT_REF, .min = REF_ENV | REF_FILE } };

		if (!name_check(r, map, at))
			continue;
		token->name = keep(r, at->key, strlen(at->key));
		row_read(r, &row, token, at, at);
		serve->tokens_n++;
	}
}

/* -- who may ------------------------------------------------------------------ */

static void allow_one(struct reader *r, struct allow_config *allow, const struct doc *d)
{
	const char *digits = d->kind == DOC_TEXT ? d->text + (*d->text == '-') : "";
	size_t len = strspn(digits, "0123456789");

	if (d->kind == DOC_TEXT && strcmp(d->text, "anyone") == 0)
		allow->anyone = true;
	else if (len == 0 || len > 18 || digits[len] || *digits == '0')
		problem(r, d,
		    "this must be the number of a chat or a user, as 123456789, "
		    "or anyone");
	else
		allow->at[allow->n++] = strtoll(d->text, NULL, 10);
}

static void allow_read(struct reader *r, struct allow_config *allow, const struct doc *d)
{
	int n = 0;

	if (!d || doc_null(d))
		return;
	if (d->kind == DOC_TEXT)
		d = list_split(r, d);
	for (const struct doc *at = d->children; at; at = at->next)
		n++;
	if (d->kind != DOC_LIST || n > CONFIG_ALLOW_MAX) {
		problem(r, d, "this must be a list of at most %d numbers, as [123456789]",
		    CONFIG_ALLOW_MAX);
		return;
	}
	allow->at = keep_array(r, n, sizeof *allow->at);
	for (const struct doc *at = d->children; at; at = at->next)
		allow_one(r, allow, at);
}

static void deep_read(struct reader *r, const struct config_row *row, void *object,
    const struct doc *d, const struct doc *around)
{
	void *field = (char *)object + row->at;

	switch (row->is.type) {
	case TYPE_DEEP_FINALITY:
		finality_read(r, field, d, around);
		break;
	case TYPE_DEEP_ENDPOINTS:
		endpoints_read(r, object, d, around);
		break;
	case TYPE_DEEP_MAP:
		group_read(r, (enum config_group)row->is.min, field, d, d ? d : around);
		break;
	case TYPE_DEEP_TOKENS:
		tokens_read(r, d);
		break;
	case TYPE_DEEP_CHAINS:
		chains_read(r, d);
		break;
	case TYPE_DEEP_KEYS:
		keys_read(r, d);
		break;
	case TYPE_DEEP_ALLOW:
		allow_read(r, field, d);
		break;
	case TYPE_DEEP_PERCENTS:
		percents_read(r, field, d);
		break;
	case TYPE_TEXT_DURATION:
	case TYPE_TEXT_PATH:
	case TYPE_TEXT_WORD:
	case TYPE_TEXT_URL:
	case TYPE_TEXT_LISTEN:
	case TYPE_TEXT_FEE:
	case TYPE_TEXT_COIN:
	case TYPE_TEXT_NUMBER:
	case TYPE_TEXT_CHOICE:
	case TYPE_TEXT_WHERE:
	case TYPE_TEXT_REF:
		BUG("a scalar is not deep");
	}
}

/* -- the whole ------------------------------------------------------------- */

static const char *folder(struct reader *r, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : keep(r, path, (size_t)(slash - path));
}

/* Each found keystore as the mapping that a person would have written. */
static void found_collect(struct reader *r, const struct config_input *in)
{
	struct doc **tail = &r->found;

	for (int i = 0; i < in->keystores_n; i++) {
		struct doc *nodes = keep_array(r, 2, sizeof *nodes);
		char text[32 + 2 * CONFIG_NAME_MAX];

		snprintf(text, sizeof text, "keystore:%s/%s.json", CONFIG_KEYSTORES,
		    in->keystores[i]);
		nodes[0] = (struct doc){ .kind = DOC_MAP, .children = &nodes[1] };
		nodes[0].key = in->keystores[i];
		nodes[1] = (struct doc){ .kind = DOC_TEXT, .key = "source" };
		nodes[1].text = keep(r, text, strlen(text));
		*tail = nodes;
		tail = &nodes[0].next;
	}
}

/* The chain of a layer 2 is one of the others. */
static void layer_check(struct reader *r, const struct doc *root)
{
	struct config *c = r->c;
	const struct doc *node = doc_get(root, "node");
	const struct doc *at = node ? doc_get(node, "chain") : NULL;
	struct nearest near = { NULL, 0 };
	char out[REF_SHOWN_MAX];
	size_t group, path;
	int i = 0;

	if (c->node.chain && !strcmp(c->node.chain, CONFIG_CHAIN_NONE))
		c->node.chain = NULL;
	if (!c->node.chain)
		return;
	group = path_push(r, "node");
	path = path_push(r, "chain");
	for (; i < c->chains_n && strcmp(c->chains[i].name, c->node.chain) != 0; i++)
		nearest_add(&near, c->node.chain, c->chains[i].name);
	if (i == c->chains_n)
		problem(r, at ? at : root, "there is no chain %s%s%s%s",
		    ref_shown(out, c->node.chain), near.best ? "; did you mean " : "",
		    near.best ? near.best : "", near.best ? "?" : "");
	else if (c->chains[i].kind != CHAIN_BITCOIN)
		problem(r, at ? at : root,
		    "the chain %s is not of the kind bitcoin: the anchors of a layer 2 "
		    "are there",
		    c->node.chain);
	path_pop(r, path);
	path_pop(r, group);
}

/* What takes the reorg database away takes all that is in its folder. */
static void outside_check(
    struct reader *r, const struct doc *around, const char *key, const char *folder)
{
	static const struct doc none = { .line = 0 };
	const struct doc *at = doc_get(around, key);
	const char *file = r->file, *data_dir = r->c->node.data_dir;
	size_t path = path_push(r, key);
	const struct twin *twin = twin_get(r);
	char db[PATH_MAX], shown[REF_SHOWN_MAX];

	if (twin) {
		r->file = twin->name;
		at = &none;
	}
	if (folder && data_dir &&
	    snprintf(db, sizeof db, "%s/reorg_db", data_dir) < (int)sizeof db &&
	    path_within(folder, db) && !MUTANT(backups_in_the_database))
		problem(r, at ? at : &none,
		    "%s is in the folder of the reorg database, and goes with it where "
		    "that is restored, rebuilt or reset. Make a folder outside of "
		    "reorg_db, move the backups there, and name it here",
		    ref_shown(shown, folder));
	r->file = file;
	path_pop(r, path);
}

static void backups_check(struct reader *r, const struct doc *root)
{
	const struct node_backup_config *k = &r->c->node.backup;
	const struct doc *node = doc_get(root, "node");
	const struct doc *backup = node ? doc_get(node, "backup") : NULL;
	size_t group = path_push(r, "node"), path = path_push(r, "backup");

	outside_check(r, backup ? backup : root, "folder", k->folder);
	outside_check(r, backup ? backup : root, "copy_to", k->copy_to);
	path_pop(r, path);
	path_pop(r, group);
}

static enum err reader_run(
    struct reader *r, const struct config_input *in, struct arena *docs, struct fail *f)
{
	struct doc *root;
	enum err e = doc_parse(&root, docs, in->path, in->text, in->len, f);

	if (e != ERR_OK)
		return e;
	twins_collect(r, in->env);
	found_collect(r, in);
	group_read(r, GROUP_ROOT, r->c, root, root);
	layer_check(r, root);
	backups_check(r, root);
	twins_check(r);
	return r->problems_n ? problems_report(r, f) : ERR_OK;
}

enum err config_read(struct config **ret, const struct config_input *in, struct fail *f)
{
	struct config *c = mem_new(sizeof *c);
	struct reader r = { .c = c, .file = in->path };
	struct arena docs;
	enum err e;

	arena_init(&c->memory, CONFIG_MEMORY_MAX);
	arena_init(&docs, DOC_MEMORY_MAX);
	buf_init(&r.problems, PROBLEMS_MAX);
	c->path = keep(&r, in->path, strlen(in->path));
	c->dir = folder(&r, in->path);
	e = reader_run(&r, in, &docs, f);
	buf_release(&r.problems);
	arena_release(&docs);
	if (e != ERR_OK)
		config_free(c);
	else
		*ret = c;
	return e;
}
