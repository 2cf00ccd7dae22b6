/* What two configs say otherwise: both are written out as lines, by the table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "cli/config/config.h"
#include "cli/config/table.h"

#define PATH_MAX_HERE 256
#define VALUE_MAX ((size_t)16 * 1024)

struct line {
	char *path;
	struct buf value; /* as it is compared; never shown: a URL may hold keys */
};

struct lines {
	struct line *at;
	size_t n;
};

static void group_add(
    struct lines *ret, enum config_group group, const void *base, const char *path);

static void path_join(char out[PATH_MAX_HERE], const char *path, const char *name)
{
	snprintf(out, PATH_MAX_HERE, "%.150s%s%.100s", path, *path ? "." : "", name);
}

static struct buf *line_add(struct lines *ret, const char *path)
{
	struct line *line;

	ret->at = mem_grow(ret->at, ret->n + 1, sizeof *ret->at);
	line = &ret->at[ret->n++];
	line->path = mem_str(path);
	buf_init(&line->value, VALUE_MAX);
	return &line->value;
}

static void ref_add(struct lines *ret, const struct ref *ref, const char *path)
{
	if (ref->kind != REF_NONE) /* what is not there does not change with its group */
		buf_addf(
		    line_add(ret, path), "%d:%s", (int)ref->kind, ref->at ? ref->at : "");
}

static bool is_text(enum config_type type)
{
	return type == TYPE_TEXT_PATH || type == TYPE_TEXT_WORD ||
	    type == TYPE_TEXT_URL || type == TYPE_TEXT_LISTEN || type == TYPE_TEXT_WHERE;
}

static void scalar_add(
    struct lines *ret, const struct config_row *row, const void *field, const char *path)
{
	const char *text;

	if (row->is.type == TYPE_TEXT_REF) {
		ref_add(ret, field, path);
	} else if (is_text(row->is.type)) {
		memcpy(&text, field, sizeof text);
		if (text)
			buf_add_str(line_add(ret, path), text);
	} else {
		buf_add(line_add(ret, path), field, row->size);
	}
}

static void chains_add(struct lines *ret, const struct config *c)
{
	char path[PATH_MAX_HERE];

	for (int i = 0; i < c->chains_n; i++) {
		path_join(path, "chains", c->chains[i].name);
		group_add(ret, GROUP_CHAIN, &c->chains[i], path);
	}
}

static void keys_add(struct lines *ret, const struct config *c)
{
	char path[PATH_MAX_HERE];

	for (int i = 0; i < c->keys_n; i++) {
		path_join(path, "keys", c->keys[i].name);
		group_add(ret, GROUP_KEY, &c->keys[i], path);
	}
}

static void tokens_add(struct lines *ret, const struct serve_config *c, const char *path)
{
	char name[PATH_MAX_HERE];

	for (int i = 0; i < c->tokens_n; i++) {
		path_join(name, path, c->tokens[i].name);
		ref_add(ret, &c->tokens[i].token, name);
	}
}

static void endpoints_add(
    struct lines *ret, const struct chain_config *c, const char *path)
{
	char name[PATH_MAX_HERE], number[12];

	for (int i = 0; i < c->endpoints_n; i++) {
		snprintf(number, sizeof number, "%d", i + 1);
		path_join(name, path, number);
		group_add(ret, GROUP_ENDPOINT, &c->endpoints[i], name);
	}
}

static void percents_add(
    struct lines *ret, const struct track_percents *p, const char *path)
{
	struct buf *line = line_add(ret, path);

	for (int i = 0; i < p->n; i++)
		buf_addf(line, "%d ", p->at[i]);
}

static void allow_add(struct lines *ret, const struct allow_config *a, const char *path)
{
	char name[PATH_MAX_HERE], number[24];

	buf_addf(line_add(ret, path), "%d", a->anyone);
	for (int i = 0; i < a->n; i++) {
		snprintf(number, sizeof number, "%" PRId64, a->at[i]);
		path_join(name, path, number);
		(void)line_add(ret, name);
	}
}

/* base: the struct of the row's group. */
static void row_add(
    struct lines *ret, const struct config_row *row, const void *base, const char *path)
{
	const void *field = (const char *)base + row->at;
	const struct finality *finality = field;

	if (row->is.type <= TYPE_TEXT_LAST)
		scalar_add(ret, row, field, path);
	else if (row->is.type == TYPE_DEEP_MAP)
		group_add(ret, (enum config_group)row->is.min, field, path);
	else if (row->is.type == TYPE_DEEP_CHAINS)
		chains_add(ret, base);
	else if (row->is.type == TYPE_DEEP_KEYS)
		keys_add(ret, base);
	else if (row->is.type == TYPE_DEEP_TOKENS)
		tokens_add(ret, base, path);
	else if (row->is.type == TYPE_DEEP_ENDPOINTS)
		endpoints_add(ret, base, path);
	else if (row->is.type == TYPE_DEEP_ALLOW)
		allow_add(ret, field, path);
	else if (row->is.type == TYPE_DEEP_FINALITY)
		buf_addf(
		    line_add(ret, path), "%d %" PRIu64, finality->tag, finality->depth);
	else if (row->is.type == TYPE_DEEP_PERCENTS)
		percents_add(ret, field, path);
	else
		BUG("a key of the config that nobody compares");
}

static void group_add(
    struct lines *ret, enum config_group group, const void *base, const char *path)
{
	char name[PATH_MAX_HERE];

	for (int i = 0; i < config_rows_n; i++) {
		if (config_rows[i].group != group)
			continue;
		path_join(name, path, config_rows[i].name);
		row_add(ret, &config_rows[i], base, name);
	}
}

static void lines_release(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++) {
		mem_free(l->at[i].path);
		buf_release(&l->at[i].value);
	}
	mem_free(l->at);
}

/* Is a line of that path and value there? */
static bool has(const struct lines *l, const struct line *other, bool with_value)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct buf *a = &l->at[i].value, *b = &other->value;

		CHECK(buf_ok(a) && buf_ok(b));
		if (strcmp(l->at[i].path, other->path) == 0)
			return !with_value ||
			    (a->len == b->len &&
				(!a->len || memcmp(a->data, b->data, a->len) == 0));
	}
	return false;
}

void config_changes(const struct config *before, const struct config *now,
    void (*each)(void *ctx, const char *path), void *ctx)
{
	struct lines a = { NULL, 0 }, b = { NULL, 0 };

	group_add(&a, GROUP_ROOT, before, "");
	group_add(&b, GROUP_ROOT, now, "");
	for (size_t i = 0; i < b.n; i++)
		if (!has(&a, &b.at[i], true))
			each(ctx, b.at[i].path);
	for (size_t i = 0; i < a.n; i++)
		if (!has(&b, &a.at[i], false))
			each(ctx, a.at[i].path);
	lines_release(&a);
	lines_release(&b);
}
