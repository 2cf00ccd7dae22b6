#include "cli/config/reader.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"

#define PREFIX (sizeof "PAWL_" - 1)

/* -- problems -------------------------------------------------------------- */

void problem_at(struct reader *r, int line, int column, const char *fmt, ...)
{
	char text[400], place[32] = "", whole[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (line)
		snprintf(place, sizeof place, ":%d:%d", line, column);
	snprintf(whole, sizeof whole, "%.200s%s: %s%s%s", r->file, place, r->path,
	    *r->path ? ": " : "", text);
	utf8_plain(whole);
	buf_addf(&r->problems, "%s%s", r->problems_n++ ? "\n" : "", whole);
}

/* Whole lines as far as there is room, the rest as a number. */
enum err problems_report(const struct reader *r, struct fail *f)
{
	const char *text = buf_text(&r->problems);
	const size_t room = sizeof f->why - sizeof "\nand 1000000 more";
	size_t len = strcspn(text, "\n");
	int told = 1;

	while (text[len]) {
		size_t line = 1 + strcspn(text + len + 1, "\n");

		if (len + line > room)
			break;
		len += line;
		told++;
	}
	if (!f)
		return ERR_CONFIG;
	/* Not by fail_set, which makes one line of everything. */
	f->err = ERR_CONFIG;
	len = len < room ? len : room;
	memcpy(f->why, text, len);
	f->why[len] = '\0';
	if (told < r->problems_n)
		snprintf(f->why + len, sizeof f->why - len, "\nand %d more",
		    r->problems_n - told);
	return ERR_CONFIG;
}

/* -- memory and places ----------------------------------------------------- */

void *keep_array(struct reader *r, int n, size_t size)
{
	void *kept = arena_take(&r->c->memory, (size_t)(n ? n : 1) * size);

	CHECK(kept);
	return kept;
}

const char *keep(struct reader *r, const char *text, size_t len)
{
	const char *kept = arena_strn(&r->c->memory, text, len);

	CHECK(kept);
	return kept;
}

const char *keep_path(struct reader *r, const char *path)
{
	char *joined = config_path(r->c, path);
	const char *kept = keep(r, joined, strlen(joined));

	mem_free(joined);
	return kept;
}

/* Returns what path_pop needs to undo it. Parts are checked names, and so are short. */
size_t path_push(struct reader *r, const char *part)
{
	size_t len = strlen(r->path), room = sizeof r->path - len;
	int n = snprintf(r->path + len, room, "%s%s", len ? "." : "", part);

	CHECK(n > 0 && (size_t)n < room);
	return len;
}

void path_pop(struct reader *r, size_t len)
{
	r->path[len] = '\0';
}

/* -- twins in the environment ---------------------------------------------- */

/* Below these names there is nothing but keys of the config. */
static bool twin_claimed(const char *name)
{
	return strncmp(name, "PAWL_CHAINS__", 13) == 0 ||
	    strncmp(name, "PAWL_KEYS__", 11) == 0 ||
	    strncmp(name, "PAWL_SERVE__", 12) == 0 ||
	    strncmp(name, "PAWL_LOG__", 10) == 0;
}

void twins_collect(struct reader *r, char *const *env)
{
	int n = 0;

	for (char *const *at = env; *at; at++)
		n += strncmp(*at, "PAWL_", 5) == 0;
	r->twins = keep_array(r, n, sizeof *r->twins);
	for (char *const *at = env; *at; at++) {
		const char *value = strchr(*at, '=');

		if (strncmp(*at, "PAWL_", 5) != 0 || !value)
			continue;
		r->twins[r->twins_n].name = keep(r, *at, (size_t)(value - *at));
		r->twins[r->twins_n].value = keep(r, value + 1, strlen(value + 1));
		r->twins_n++;
	}
}

void twin_name(char *to, const char *path)
{
	for (const char *prefix = "PAWL_"; *prefix; prefix++)
		*to++ = *prefix;
	for (; *path; path++) {
		if (*path == '.')
			*to++ = '_';
		*to++ = *path == '.' || *path == '-'
		    ? '_'
		    : (char)toupper((unsigned char)*path);
	}
	*to = '\0';
}

/* The twin of r->path, NULL when the environment has none. */
const struct twin *twin_get(struct reader *r)
{
	char name[2 * sizeof r->path + 8];
	const struct twin *found = NULL;

	twin_name(name, r->path);
	for (int i = 0; i < r->twins_n; i++) {
		struct twin *t = &r->twins[i];

		if (strcmp(t->name, name) == 0) {
			t->used = true;
			found = t;
		} else if (!t->used) {
			nearest_add(&t->nearest, t->name + PREFIX, name + PREFIX);
			if (t->nearest.best == name + PREFIX)
				t->nearest.best =
				    keep(r, name + PREFIX, strlen(name + PREFIX));
		}
	}
	return found;
}

static bool ref_names(const struct ref *ref, const char *variable)
{
	return ref->kind == REF_ENV && strcmp(ref->at, variable) == 0;
}

/* Is it a secret's, by a reference of the config? */
static bool variable_named(const struct config *c, const char *variable)
{
	bool named = strcmp(variable, "PAWL_CONFIG") == 0;

	for (int i = 0; i < c->keys_n; i++)
		named = named || ref_names(&c->keys[i].source, variable) ||
		    ref_names(&c->keys[i].password, variable);
	named = named || ref_names(&c->tell.webhook.secret, variable) ||
	    ref_names(&c->tell.telegram.token, variable);
	for (int i = 0; i < c->serve.tokens_n; i++)
		named = named || ref_names(&c->serve.tokens[i].token, variable);
	for (int i = 0; i < c->chains_n; i++)
		for (int k = 0; k < c->chains[i].endpoints_n; k++) {
			const char *url = c->chains[i].endpoints[k].url;

			named = named ||
			    (url && strncmp(url, "env:", 4) == 0 &&
				strcmp(url + 4, variable) == 0);
		}
	return named;
}

/* Outside of what is claimed it may be somebody else's: only a warning. */
static void twin_warn(struct reader *r, struct twin *t)
{
	char text[400];

	if (ref_looks_secret(t->name) || variable_named(r->c, t->name))
		return;
	nearest_add(&t->nearest, t->name + PREFIX, "CONFIG");
	if (t->nearest.best)
		snprintf(text, sizeof text,
		    "%.120s: pawl knows no such variable; did you "
		    "mean PAWL_%.120s?",
		    t->name, t->nearest.best);
	else
		snprintf(
		    text, sizeof text, "%.120s: pawl knows no such variable", t->name);
	utf8_plain(text);
	r->c->warnings[r->c->warnings_n++] = keep(r, text, strlen(text));
}

void twins_check(struct reader *r)
{
	r->c->warnings = keep_array(r, r->twins_n, sizeof *r->c->warnings);
	for (int i = 0; i < r->twins_n; i++) {
		struct twin *t = &r->twins[i];

		if (t->used)
			continue;
		if (!twin_claimed(t->name)) {
			twin_warn(r, t);
			continue;
		}
		r->file = ref_looks_secret(t->name) ? "a variable PAWL_..." : t->name;
		if (t->nearest.best)
			problem_at(r, 0, 0, "no such key; did you mean PAWL_%s?",
			    t->nearest.best);
		else
			problem_at(r, 0, 0, "this variable names no key of the config");
	}
}
