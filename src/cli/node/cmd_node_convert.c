/* node convert: a log of snapshots in the other format, with the same roots. */
#include <stdio.h>

#include "cli/behalf.h"
#include "cli/node/snapshots.h"

static enum err how_read(struct l2_append *ret, const struct cli *c, struct fail *f)
{
	const char *to = args_get(&c->args, "--to");
	uint64_t version = 0;
	enum err e = to ? args_number(&version, "--to", to, 1, 2, f)
			: fail_set(f, ERR_USAGE, "--to 1 or --to 2 is missing");

	*ret = (struct l2_append){ .version = (int)version,
		.compress = args_has(&c->args, "--compress") };
	if (e == ERR_OK && ret->compress && version == 1)
		e = fail_set(f, ERR_USAGE, "--compress is of version 2: 1 is text");
	return e;
}

enum err cmd_node_convert(struct cli *c, struct fail *f)
{
	struct snapshots_copied v = { .path = args_word(&c->args, 0),
		.word = "is left out" };
	const char *output = args_word(&c->args, 1);
	const struct l2_copy_tell told = snapshots_copied_tell(&v);
	struct l2_append how;
	struct l2_log *log;
	size_t n = 0;
	enum err e = how_read(&how, c, f);

	if (e == ERR_OK)
		e = snapshots_new_file(output, f);
	if (e == ERR_OK)
		e = snapshots_open(&log, c, v.path, f);
	if (e != ERR_OK)
		return e;
	e = snapshots_damage_tell(log, v.path, f);
	if (e == ERR_OK)
		e = snapshots_some(log, c, v.path, f);
	if (e == ERR_OK)
		v.left = snapshots_damaged(log);
	l2_log_close(log);
	if (e == ERR_OK)
		e = behalf_of(c, output, f);
	if (e == ERR_OK)
		e = l2_log_convert(
		    cli_until_stopped(), v.path, output, &how, &n, &told, f);
	if (e == ERR_OK)
		snapshots_unheld_tell(&v);
	if (e != ERR_OK)
		return e;
	if (c->args.json)
		cli_json(json_pack("{s:o, s:I, s:i, s:I}", "output", cli_text(output),
		    "snapshots", (json_int_t)n, "version", how.version, "left_out",
		    (json_int_t)v.left));
	else
		printf("%zu snapshot%s in version %d: %s\n", n, n == 1 ? "" : "s",
		    how.version, output);
	return v.left ? fail_set(f, ERR_INPUT, "%zu of the %zu snapshot%s of %s left out",
			    v.left, v.left + n, v.left + n == 1 ? "" : "s", v.path)
		      : ERR_OK;
}
