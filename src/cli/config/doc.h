/* doc.h - a strict part of YAML as a tree of scalars, lists and mappings.
 *
 * Everything that makes YAML surprising is refused: anchors, aliases, tags,
 * directives, several documents, duplicate keys, keys that are not plain text.
 * Bounded before it is built: DOC_BYTES_MAX, DOC_DEPTH_MAX, DOC_ENTRIES_MAX in one
 * list or mapping, DOC_TEXT_MAX in one scalar. Each node knows where it stands.
 * Nodes live in the caller's arena.
 */
#ifndef PAWL_CLI_CONFIG_DOC_H
#define PAWL_CLI_CONFIG_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define DOC_BYTES_MAX (1024 * 1024)
#define DOC_DEPTH_MAX 8
#define DOC_ENTRIES_MAX 1000
#define DOC_TEXT_MAX 4096

enum doc_kind { DOC_TEXT, DOC_LIST, DOC_MAP };

struct doc {
	enum doc_kind kind;
	int line, column; /* from 1; 0: no place in the text */
	const char *key;  /* of an entry of a mapping, else NULL */
	int key_line, key_column;
	const char *text; /* of a scalar, UTF-8, no NUL within */
	bool quoted;
	struct doc *children, *next;
};

/* An empty text gives an empty mapping. name stands before line and column in f
 * ("pawl.yaml:3:7: ..."). fails: ERR_CONFIG. */
NODISCARD enum err doc_parse(struct doc **ret, struct arena *a, const char *name,
    const char *text, size_t len, struct fail *f);

const struct doc *doc_get(const struct doc *map, const char *key); /* NULL: none */
bool doc_null(const struct doc *d); /* nothing written: "", ~ or null, not quoted */

#endif
