#include "cli/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "cli/config/doc.h"
#include "cli/config/file.h"
#include "cli/config/read.h"
#include "cli/config/scalar.h"

static const char keystore_suffix[] = ".json";

/* -- reading the file ------------------------------------------------------ */

static enum err file_open(int *ret, struct stat *st, const char *path, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum err e = ERR_CONFIG;

	if (fd < 0 && errno == ENOENT)
		return fail_set(f, ERR_CONFIG,
		    "%s: there is no such file; `pawl init` writes one", path);
	if (fd < 0 || fstat(fd, st) < 0) {
		e = fail_file(f, ERR_CONFIG, path);
	} else if (!S_ISREG(st->st_mode)) {
		fail_set(f, ERR_CONFIG, "%s: not a regular file", path);
	} else {
		*ret = fd;
		return ERR_OK;
	}
	if (fd >= 0)
		close(fd);
	return e;
}

/* -- the keystores beside it ----------------------------------------------- */

struct names {
	char *at[CONFIG_KEYS_MAX];
	int n;
};

static void names_add(struct names *names, const char *file)
{
	size_t len = strlen(file), suffix = sizeof keystore_suffix - 1;
	char *name;

	if (len <= suffix || strcmp(file + len - suffix, keystore_suffix) != 0)
		return;
	name = mem_strn(file, len - suffix);
	if (config_name_valid(name) && names->n < CONFIG_KEYS_MAX)
		names->at[names->n++] = name;
	else
		mem_free(name);
}

static int names_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder that is not there, or can't be read, has no keystores. */
static void names_collect(struct names *names, const char *config_file)
{
	const char *slash = strrchr(config_file, '/');
	int len = slash ? (int)(slash - config_file) + 1 : 0;
	char path[4096];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "%.*s%s", len, config_file, CONFIG_KEYSTORES);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		names_add(names, entry->d_name);
	closedir(dir);
	qsort(names->at, (size_t)names->n, sizeof *names->at, names_compare);
}

static void names_release(struct names *names)
{
	for (int i = 0; i < names->n; i++)
		mem_free(names->at[i]);
}

/* -- the face -------------------------------------------------------------- */

enum err config_load(struct config **ret, const char *path, struct fail *f)
{
	struct names names = { .n = 0 };
	struct config_input in = { .path = path, .env = environ };
	struct buf text;
	struct stat st;
	int fd = -1;
	enum err e = file_open(&fd, &st, path, f);

	if (e != ERR_OK)
		return e;
	buf_init(&text, DOC_BYTES_MAX);
	if (file_read(&text, fd, path, f) != ERR_OK)
		e = f ? f->err = ERR_CONFIG : ERR_CONFIG;
	if (e == ERR_OK) {
		names_collect(&names, path);
		in.text = buf_text(&text);
		in.len = text.len;
		in.keystores = (const char *const *)names.at;
		in.keystores_n = names.n;
		e = config_read(ret, &in, f);
		names_release(&names);
	}
	if (e == ERR_OK)
		(*ret)->mode = st.st_mode & 07777;
	buf_release(&text);
	return e;
}

enum err config_parse(struct config **ret, const char *text, size_t len, const char *path,
    char *const *env, struct fail *f)
{
	struct config_input in = { .path = path, .text = text, .len = len, .env = env };

	return config_read(ret, &in, f);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->chains_n; i++)
		for (int k = 0; k < c->chains[i].endpoints_n; k++)
			secret_free(c->chains[i].endpoints[k].login);
	arena_release(&c->memory);
	mem_free(c);
}

char *config_path(const struct config *c, const char *path)
{
	size_t size = strlen(c->dir) + strlen(path) + 2;
	char *joined;

	if (*path == '/' || strcmp(c->dir, ".") == 0)
		return mem_str(path);
	joined = mem_new(size);
	snprintf(joined, size, "%s%s%s", c->dir, strcmp(c->dir, "/") ? "/" : "", path);
	return joined;
}

/* first: what makes the first one, where there is none at all. */
static enum err unknown(const struct config *c, const char *what, const char *name,
    const char *best, const char *first, struct fail *f)
{
	if (ref_looks_secret(name) || !config_name_valid(name))
		return fail_set(
		    f, ERR_CONFIG, "%s: no %s has a name like this", c->path, what);
	if (best)
		return fail_set(f, ERR_CONFIG, "%s: there is no %s %s; did you mean %s?",
		    c->path, what, name, best);
	if (first)
		return fail_set(
		    f, ERR_CONFIG, "%s: it names no %s yet: %s", c->path, what, first);
	return fail_set(f, ERR_CONFIG, "%s: there is no %s %s", c->path, what, name);
}

/* env:VAR becomes what the variable holds. */
static enum err endpoint_resolve(
    struct config *c, const char *chain, struct node_config *node, struct fail *f)
{
	const char *variable = node->url + strlen("env:"), *url, *fault;

	if (strncmp(node->url, "env:", 4) != 0)
		return ERR_OK;
	url = getenv(variable);
	if (!url)
		return fail_set(f, ERR_CONFIG,
		    "chain %s: the environment variable %s (an endpoint) is not set",
		    chain, variable);
	fault = config_url_fault(url);
	if (fault)
		return fail_set(f, ERR_CONFIG,
		    "chain %s: the environment variable %s: %s", chain, variable, fault);
	node->url = arena_strn(&c->memory, url, strlen(url));
	CHECK(node->url);
	return ERR_OK;
}

static enum err where_read(
    struct secret **ret, const char *chain, const char *where, struct fail *f)
{
	struct ref ref;
	struct fail why;
	enum err e = ref_parse(&ref, where, REF_ENV | REF_FILE, &why);

	if (e == ERR_OK)
		e = ref_read(ret, &ref, &why);
	return e == ERR_OK
	    ? ERR_OK
	    : fail_set(f, ERR_CONFIG, "chain %s: an endpoint's %s", chain, why.why);
}

/* What the references to user and password refer to. */
static enum err login_resolve(const char *chain, struct node_config *node, struct fail *f)
{
	struct secret *user = NULL, *password = NULL;
	size_t len, all;
	uint8_t *both;
	enum err e;

	if (!node->user || node->login)
		return ERR_OK;
	e = where_read(&user, chain, node->user, f);
	if (e == ERR_OK)
		e = where_read(&password, chain, node->password, f);
	if (e == ERR_OK && memchr(secret_bytes(user), ':', secret_len(user)))
		e = fail_set(
		    f, ERR_CONFIG, "chain %s: an endpoint's user has a colon", chain);
	if (e == ERR_OK) {
		len = secret_len(user);
		all = len + 1 + secret_len(password);
		both = mem_new(all);
		memcpy(both, secret_bytes(user), len);
		both[len] = ':';
		memcpy(both + len + 1, secret_bytes(password), all - len - 1);
		node->login = secret_new(both, all);
		mem_free(both);
	}
	secret_free(user);
	secret_free(password);
	return e;
}

enum err config_chain(
    struct config *c, const char *name, const struct chain_config **ret, struct fail *f)
{
	struct nearest near = { NULL, 0 };

	for (int i = 0; i < c->chains_n; i++) {
		struct chain_config *chain = &c->chains[i];
		enum err e = ERR_OK;

		nearest_add(&near, name, chain->name);
		if (strcmp(chain->name, name) != 0)
			continue;
		for (int k = 0; k < chain->endpoints_n && e == ERR_OK; k++)
			e = endpoint_resolve(c, name, &chain->endpoints[k], f);
		for (int k = 0; k < chain->endpoints_n && e == ERR_OK; k++)
			e = login_resolve(name, &chain->endpoints[k], f);
		if (e == ERR_OK)
			*ret = chain;
		return e;
	}
	return unknown(c, "chain", name, near.best,
	    c->chains_n ? NULL : "write it under `chains:`; see: pawl help config", f);
}

enum err config_key(const struct config *c, const char *name,
    const struct key_config **ret, struct fail *f)
{
	struct nearest near = { NULL, 0 };

	for (int i = 0; i < c->keys_n; i++) {
		nearest_add(&near, name, c->keys[i].name);
		if (strcmp(c->keys[i].name, name) == 0) {
			*ret = &c->keys[i];
			return ERR_OK;
		}
	}
	return unknown(
	    c, "key", name, near.best, c->keys_n ? NULL : "pawl key new NAME", f);
}
