#include "cli/config/table.h"

#include <string.h>

#include "cli/config/config.h"

/* Never made: where a field stands in the struct of its group. */
struct groups {
#define GROUP(name, type, path) type name;
#define KEY(...)
#include "cli/config/config.def"
#undef GROUP
#undef KEY
};

#define TYPE_PATH                      \
	{                              \
		.type = TYPE_TEXT_PATH \
	}
#define TYPE_WORD                      \
	{                              \
		.type = TYPE_TEXT_WORD \
	}
#define TYPE_URL                      \
	{                             \
		.type = TYPE_TEXT_URL \
	}
#define TYPE_LISTEN                      \
	{                                \
		.type = TYPE_TEXT_LISTEN \
	}
#define TYPE_FEE                      \
	{                             \
		.type = TYPE_TEXT_FEE \
	}
#define TYPE_COIN                      \
	{                              \
		.type = TYPE_TEXT_COIN \
	}
#define TYPE_NUMBER(least, most)                    \
	{                                           \
		TYPE_TEXT_NUMBER, least, most, NULL \
	}
#define TYPE_CHOICE(list)                               \
	{                                               \
		.type = TYPE_TEXT_CHOICE, .words = list \
	}
#define TYPE_REF(allowed)                               \
	{                                               \
		.type = TYPE_TEXT_REF, .min = (allowed) \
	}
#define TYPE_WHERE                      \
	{                               \
		.type = TYPE_TEXT_WHERE \
	}
#define TYPE_MAP(group)                                     \
	{                                                   \
		.type = TYPE_DEEP_MAP, .min = GROUP_##group \
	}
#define TYPE_FINALITY                      \
	{                                  \
		.type = TYPE_DEEP_FINALITY \
	}
#define TYPE_ENDPOINTS                      \
	{                                   \
		.type = TYPE_DEEP_ENDPOINTS \
	}
#define TYPE_TOKENS                      \
	{                                \
		.type = TYPE_DEEP_TOKENS \
	}
#define TYPE_CHAINS                      \
	{                                \
		.type = TYPE_DEEP_CHAINS \
	}
#define TYPE_KEYS                      \
	{                              \
		.type = TYPE_DEEP_KEYS \
	}

#define TYPE_DURATION                      \
	{                                  \
		.type = TYPE_TEXT_DURATION \
	}
#define TYPE_PERCENTS                      \
	{                                  \
		.type = TYPE_DEEP_PERCENTS \
	}
/* A duration, or for ever: 0. */
#define TYPE_KEEP                                            \
	{                                                    \
		.type = TYPE_TEXT_DURATION, .words = "never" \
	}
#define TYPE_ALLOW                      \
	{                               \
		.type = TYPE_DEEP_ALLOW \
	}

#define REQUIRED NULL
#define OPTIONAL ""

/* The generic setters write enums as unsigned. */
_Static_assert(sizeof(enum chain_fee_type) == sizeof(unsigned), "an enum is an unsigned");

const struct config_row config_rows[] = {
#define GROUP(name, type, path)
#define KEY(group, name, type, value, example, doc)                                   \
	{ GROUP_##group, #name,                                                       \
		offsetof(struct groups, group.name) - offsetof(struct groups, group), \
		sizeof(((struct groups *)NULL)->group.name), TYPE_##type, value,      \
		example, doc },
#include "cli/config/config.def"
#undef GROUP
#undef KEY
};

const int config_rows_n = sizeof config_rows / sizeof *config_rows;

const char *config_group_path(enum config_group group)
{
	static const char *const paths[] = {
#define GROUP(name, type, path) path,
#define KEY(...)
#include "cli/config/config.def"
#undef GROUP
#undef KEY
	};

	return paths[group];
}

bool config_key_of(enum chain_kind kind, const char *key)
{
	static const struct {
		enum chain_kind kind;
		const char *key;
	} only[] = {
#define GROUP(...)
#define KEY(...)
#define ONLY(kind, key) { CHAIN_##kind, #key },
#include "cli/config/config.def"
#undef GROUP
#undef KEY
	};

	for (size_t i = 0; i < sizeof only / sizeof *only; i++)
		if (strcmp(only[i].key, key) == 0)
			return only[i].kind == kind;
	return true;
}
