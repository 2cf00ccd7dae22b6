#include "cli/key_guard.h"

/* No balance can be asked for here, so no key is known to be empty. */
enum err key_remove_check(
    struct cli *c, const char *name, const struct address *address, struct fail *f)
{
	(void)c;
	(void)address;
	return fail_set(f, ERR_CONFLICT,
	    "key %s is kept: whether it holds funds is not known. Move all funds away, "
	    "make sure that no operation uses it, and delete keys/%s.json by hand",
	    name, name);
}
