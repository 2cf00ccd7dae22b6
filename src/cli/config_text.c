#include <stdio.h>
#include <string.h>

#include "cli/config.h"
#include "cli/config_table.h"

/* A group that stands below a key of the root, and the name that its example gets. */
static const struct section {
	enum config_type type;
	enum config_group group;
	const char *name; /* NULL: the group is one mapping */
	const char *path; /* of its keys */
} sections[] = {
	{ TYPE_DEEP_LOG, GROUP_LOG, NULL, "log" },
	{ TYPE_DEEP_SERVE, GROUP_SERVE, NULL, "serve" },
	{ TYPE_DEEP_CHAINS, GROUP_CHAIN, "local", "chains.NAME" },
	{ TYPE_DEEP_KEYS, GROUP_KEY, "payer", "keys.NAME" },
	{ TYPE_DEEP_TELL, GROUP_TELL, NULL, "tell" },
	{ TYPE_DEEP_FEES, GROUP_FEES, NULL, "fees" },
	{ TYPE_DEEP_RETENTION, GROUP_RETENTION, NULL, "retention" },
	{ TYPE_DEEP_WEBHOOK, GROUP_WEBHOOK, NULL, "tell.webhook" },
	{ TYPE_DEEP_TELEGRAM, GROUP_TELEGRAM, NULL, "tell.telegram" },
	{ TYPE_DEEP_TRACK, GROUP_TRACK, NULL, "track" },
};

#define SECTIONS (sizeof sections / sizeof *sections)

bool config_section(enum config_type type, enum config_group *ret)
{
	for (size_t i = 0; i < SECTIONS; i++)
		if (sections[i].type == type && !sections[i].name) {
			*ret = sections[i].group;
			return true;
		}
	return false;
}

/* -- the file that init writes --------------------------------------------- */

static void example_keys(struct buf *out, enum config_group group, const char *indent)
{
	for (int i = 0; i < config_rows_n; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->group == group)
			buf_addf(out, "#%s# %s\n#%s%s: %s\n", indent, row->doc, indent,
			    row->name, row->example);
	}
}

static void example_section(struct buf *out, const struct config_row *row)
{
	for (size_t i = 0; i < SECTIONS; i++) {
		if (sections[i].type != row->is.type)
			continue;
		buf_addf(out, "#%s:\n", row->name);
		if (sections[i].name)
			buf_addf(out, "#  %s:\n", sections[i].name);
		example_keys(out, sections[i].group, sections[i].name ? "    " : "  ");
	}
}

void config_example(struct buf *out)
{
	buf_add_str(out,
	    "# What pawl works with. Take the # off the lines that you need; `pawl help\n"
	    "# config` tells more about each key.\n");
	for (int i = 0; i < config_rows_n; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->group != GROUP_ROOT)
			continue;
		buf_addf(out, "\n# %s\n", row->doc);
		if (row->is.type <= TYPE_TEXT_LAST)
			buf_addf(out, "%s: %s\n", row->name, row->example);
		else
			example_section(out, row);
	}
}

/* -- the reference --------------------------------------------------------- */

static void reference_row(struct buf *out, const char *path, const struct config_row *row)
{
	buf_addf(out, "  %s%s%s", path, *path ? "." : "", row->name);
	if (!row->value)
		buf_add_str(out, "   (required)\n");
	else if (*row->value)
		buf_addf(out, "   (default: %s)\n", row->value);
	else
		buf_add_str(out, "\n");
	buf_addf(out, "      %s\n", row->doc);
}

static void reference_group(struct buf *out, enum config_group group, const char *path)
{
	for (int i = 0; i < config_rows_n; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->group != group)
			continue;
		reference_row(out, path, row);
		if (row->is.type == TYPE_DEEP_ENDPOINTS)
			reference_group(out, GROUP_ENDPOINT, "chains.NAME.endpoints.N");
		if (row->is.type == TYPE_DEEP_FINALITY)
			reference_group(out, GROUP_FINALITY, "chains.NAME.finality");
		for (size_t k = 0; k < SECTIONS; k++)
			if (sections[k].type == row->is.type)
				reference_group(out, sections[k].group, sections[k].path);
	}
}

void config_reference(struct buf *out)
{
	buf_add_str(out, "The keys of pawl.yaml\n\n");
	reference_group(out, GROUP_ROOT, "");
	buf_add_str(out,
	    "\nEach has a twin in the environment that goes before the file: PAWL_ and\n"
	    "the path in upper case, joined by __ (a - in a name becomes _), as in\n"
	    "PAWL_CHAINS__MAINNET__POLL_MS=500. Several endpoints have blanks between\n"
	    "them. Paths are relative to the file's folder. A keystore keys/NAME.json\n"
	    "beside the file is a key of that name without being mentioned.\n");
}
