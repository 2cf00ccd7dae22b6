/* config_table.h - config.def as rows: what config.c reads by and config_text.c
 * writes. */
#ifndef PAWL_CLI_CONFIG_TABLE_H
#define PAWL_CLI_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_group {
	GROUP_ROOT,
	GROUP_LOG,
	GROUP_SERVE,
	GROUP_CHAIN,
	GROUP_ENDPOINT,
	GROUP_FINALITY,
	GROUP_KEY,
	GROUP_TELL,
	GROUP_WEBHOOK,
	GROUP_TELEGRAM,
	GROUP_FEES,
	GROUP_TRACK,
	GROUP_RETENTION
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
	TYPE_TEXT_REF,
	TYPE_TEXT_LAST = TYPE_TEXT_REF, /* up to here: one scalar */
	TYPE_DEEP_FINALITY,
	TYPE_DEEP_ENDPOINTS,
	TYPE_DEEP_LOG,
	TYPE_DEEP_SERVE,
	TYPE_DEEP_TOKENS,
	TYPE_DEEP_CHAINS,
	TYPE_DEEP_KEYS,
	TYPE_DEEP_TELL,
	TYPE_DEEP_WEBHOOK,
	TYPE_DEEP_TELEGRAM,
	TYPE_DEEP_ALLOW,
	TYPE_DEEP_FEES,
	TYPE_DEEP_TRACK,
	TYPE_DEEP_PERCENTS,
	TYPE_DEEP_RETENTION
};

struct config_row {
	enum config_group group;
	const char *name;
	size_t at, size; /* of the field in the group's struct */
	struct {
		enum config_type type;
		uint64_t min, max; /* of a NUMBER; the kinds of a REF are in min */
		const char *words; /* of a CHOICE */
	} is;
	const char *value; /* default: NULL required, "" none */
	const char *example, *doc;
};

/* Is a key of this type one mapping, of the group *ret? */
bool config_section(enum config_type type, enum config_group *ret);

extern const struct config_row config_rows[];
extern const int config_rows_n;

#endif
