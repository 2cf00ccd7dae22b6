#include "cli/config_table.h"

#include "cli/config.h"

#define STRUCT_ROOT struct config
#define STRUCT_LOG struct log_config
#define STRUCT_SERVE struct serve_config
#define STRUCT_CHAIN struct chain_config
#define STRUCT_ENDPOINT struct node_config
#define STRUCT_FINALITY struct finality
#define STRUCT_KEY struct key_config
#define STRUCT_TELL struct tell_config
#define STRUCT_WEBHOOK struct webhook_config
#define STRUCT_TELEGRAM struct telegram_config
#define STRUCT_FEES struct fees_config
#define STRUCT_TRACK struct track_keys
#define STRUCT_RETENTION struct retention_config

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
#define TYPE_FINALITY                      \
	{                                  \
		.type = TYPE_DEEP_FINALITY \
	}
#define TYPE_ENDPOINTS                      \
	{                                   \
		.type = TYPE_DEEP_ENDPOINTS \
	}
#define TYPE_LOG                      \
	{                             \
		.type = TYPE_DEEP_LOG \
	}
#define TYPE_SERVE                      \
	{                               \
		.type = TYPE_DEEP_SERVE \
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
#define TYPE_TELL                      \
	{                              \
		.type = TYPE_DEEP_TELL \
	}
#define TYPE_TRACK                      \
	{                               \
		.type = TYPE_DEEP_TRACK \
	}
#define TYPE_PERCENTS                      \
	{                                  \
		.type = TYPE_DEEP_PERCENTS \
	}
#define TYPE_WEBHOOK                      \
	{                                 \
		.type = TYPE_DEEP_WEBHOOK \
	}
#define TYPE_TELEGRAM                      \
	{                                  \
		.type = TYPE_DEEP_TELEGRAM \
	}

/* A duration, or for ever: 0. */
#define TYPE_KEEP                                            \
	{                                                    \
		.type = TYPE_TEXT_DURATION, .words = "never" \
	}
#define TYPE_RETENTION                      \
	{                                   \
		.type = TYPE_DEEP_RETENTION \
	}
#define TYPE_FEES                      \
	{                              \
		.type = TYPE_DEEP_FEES \
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
#define KEY(group, name, type, value, example, doc)                                  \
	{ GROUP_##group, #name, offsetof(STRUCT_##group, name),                      \
		sizeof(((STRUCT_##group *)NULL)->name), TYPE_##type, value, example, \
		doc },
#include "cli/config.def"
#undef KEY
};

const int config_rows_n = sizeof config_rows / sizeof *config_rows;
