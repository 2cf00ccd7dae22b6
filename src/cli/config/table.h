/* table.h - config.def as rows: what config.c reads by, and text.c writes. */
#ifndef PAWL_CLI_CONFIG_TABLE_H
#define PAWL_CLI_CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "chain/config.h"

enum config_group {
#define GROUP(name, type, path) GROUP_##name,
#define KEY(...)
#include "cli/config/config.def"
#undef GROUP
#undef KEY
};

enum config_type {
	TYPE_TEXT_PATH,
	TYPE_TEXT_WORD,
	TYPE_TEXT_URL,
	TYPE_TEXT_LISTEN,
	TYPE_TEXT_FEE,
	TYPE_TEXT_COIN,
	TYPE_TEXT_NUMBER,
	TYPE_TEXT_DURATION,
	TYPE_TEXT_CHOICE,
	TYPE_TEXT_WHERE, /* a reference, as text */
	TYPE_TEXT_REF,
	TYPE_TEXT_LAST = TYPE_TEXT_REF, /* up to here: one scalar */
	TYPE_DEEP_MAP,                  /* of the group in min */
	TYPE_DEEP_FINALITY,
	TYPE_DEEP_ENDPOINTS,
	TYPE_DEEP_TOKENS,
	TYPE_DEEP_CHAINS,
	TYPE_DEEP_KEYS,
	TYPE_DEEP_ALLOW,
	TYPE_DEEP_PERCENTS
};

struct config_row {
	enum config_group group;
	const char *name;
	size_t at, size; /* of the field in the group's struct */
	struct {
		enum config_type type;
		uint64_t min,
		    max; /* of a NUMBER; min: the kinds of a REF, the group of a MAP */
		const char *words; /* of a CHOICE */
	} is;
	const char *value; /* default: NULL required, "" none */
	const char *example, *doc;
};

/* "tell.webhook"; ROOT: "" */
const char *config_group_path(enum config_group group);

/* Has this key of a chain a meaning on chains of this kind? */
bool config_key_of(enum chain_kind kind, const char *key);

extern const struct config_row config_rows[];
extern const int config_rows_n;

#endif
