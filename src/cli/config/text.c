#include <stdio.h>
#include <string.h>

#include "cli/config/config.h"
#include "cli/config/table.h"

/* The group that a key holds, and the name that its example gets (NULL: it is one
 * mapping). false: it holds none. */
static bool group_of(
    const struct config_row *row, enum config_group *ret, const char **ret_name)
{
	static const struct {
		enum config_type type;
		enum config_group group;
		const char *name;
	} named[] = {
		{ TYPE_DEEP_CHAINS, GROUP_CHAIN, "local" },
		{ TYPE_DEEP_KEYS, GROUP_KEY, "payer" },
		{ TYPE_DEEP_ENDPOINTS, GROUP_ENDPOINT, NULL },
		{ TYPE_DEEP_FINALITY, GROUP_FINALITY, NULL },
	};

	*ret_name = NULL;
	*ret = (enum config_group)row->is.min;
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (named[i].type == row->is.type) {
			*ret = named[i].group;
			*ret_name = named[i].name;
			return true;
		}
	return row->is.type == TYPE_DEEP_MAP;
}

/* -- the file that init writes --------------------------------------------- */

static void example_keys(struct buf *out, enum config_group group, const char *indent)
{
	for (int i = 0; i < config_rows_n; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->group == group &&
		    (group != GROUP_CHAIN || config_key_of(CHAIN_EVM, row->name)))
			buf_addf(out, "#%s# %s\n#%s%s: %s\n", indent, row->doc, indent,
			    row->name, row->example);
	}
}

static void example_section(struct buf *out, const struct config_row *row)
{
	enum config_group group;
	const char *name;

	if (!group_of(row, &group, &name))
		return;
	buf_addf(out, "#%s:\n", row->name);
	if (name)
		buf_addf(out, "#  %s:\n", name);
	example_keys(out, group, name ? "    " : "  ");
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

static void reference_group(struct buf *out, enum config_group group)
{
	for (int i = 0; i < config_rows_n; i++) {
		const struct config_row *row = &config_rows[i];
		enum config_group below;
		const char *name;

		if (row->group != group)
			continue;
		reference_row(out, config_group_path(group), row);
		if (group_of(row, &below, &name))
			reference_group(out, below);
	}
}

void config_reference(struct buf *out)
{
	buf_add_str(out, "The keys of pawl.yaml\n\n");
	reference_group(out, GROUP_ROOT);
	buf_add_str(out,
	    "\nEach has a twin in the environment that goes before the file: PAWL_ and\n"
	    "the path in upper case, joined by __ (a - in a name becomes _), as in\n"
	    "PAWL_CHAINS__MAINNET__POLL_MS=500. Several endpoints have blanks between\n"
	    "them. Paths are relative to the file's folder. A keystore keys/NAME.json\n"
	    "beside the file is a key of that name without being mentioned.\n");
}
