/* reader.h - the state of reading a config: where we stand, what was wrong, and
 * what the environment says. Internal to config_*.c. */
#ifndef PAWL_CLI_CONFIG_READER_H
#define PAWL_CLI_CONFIG_READER_H

#include "base/buf.h"
#include "base/nearest.h"
#include "cli/config/config.h"
#include "cli/config/doc.h"

/* A variable of the environment that begins with PAWL_. */
struct twin {
	const char *name, *value;
	bool used;
	struct nearest nearest; /* without PAWL_ */
};

/* Where a value stands: file, and the line and column of its node. What comes from the
 * environment, a default or a found keystore is a node without a line. */
struct reader {
	struct config *c; /* what is filled, and whose memory keep() takes */
	const char *file;
	char path[256]; /* "chains.mainnet.poll_ms" */
	struct twin *twins;
	int twins_n;
	struct doc *found;   /* entries for keys that the text does not mention */
	struct buf problems; /* lines */
	int problems_n;
};

/* Note "file:line:column: path: ..."; line 0 is left out. Reading goes on. */
void problem_at(struct reader *r, int line, int column, const char *fmt, ...)
    PRINTF(4, 5);

#define problem(r, d, ...) problem_at(r, (d)->line, (d)->column, __VA_ARGS__)
#define problem_key(r, d, ...) problem_at(r, (d)->key_line, (d)->key_column, __VA_ARGS__)

/* All that was noted, as ERR_CONFIG: whole lines as far as f has room. */
enum err problems_report(const struct reader *r, struct fail *f);

/* Zeroed memory, copies of text, and paths joined to the folder: the config's. */
void *keep_array(struct reader *r, int n, size_t size);
const char *keep(struct reader *r, const char *text, size_t len);
const char *keep_path(struct reader *r, const char *path);

/* Returns what path_pop needs to undo it. Parts are checked names, and so are short. */
size_t path_push(struct reader *r, const char *part);
void path_pop(struct reader *r, size_t len);

/* Twins: collected once, asked for by path, and at the end those below PAWL_CHAINS__,
 * PAWL_KEYS__, PAWL_SERVE__ and PAWL_LOG__ that nobody asked for are problems, and all
 * others that
 * the config does not name are warned of. */
void twins_collect(struct reader *r, char *const *env);
void twin_name(char *to, const char *path);    /* to: 2 * path + 6 bytes */
const struct twin *twin_get(struct reader *r); /* of r->path, or NULL */
void twins_check(struct reader *r);

#endif
