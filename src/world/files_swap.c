#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mutant.h"
#include "world/files.h"

#define SWAP ".swap_"

enum err files_swap_name(
    const struct files *files, const char *path, char *out, size_t size, struct fail *f)
{
	uint64_t number = 0;
	enum err e = files->number(path, &number, f);

	if (e == ERR_OK &&
	    (size_t)snprintf(out, size, "%s" SWAP "%" PRIu64, path, number) >= size)
		e = fail_set(f, ERR_INPUT, "the path %.200s.. is too long", path);
	return e;
}

enum err files_swap_begin(const struct files *files, const char *fresh, const char *path,
    char *between, size_t size, struct fail *f)
{
	enum err e = files_swap_name(files, path, between, size, f);

	if (e == ERR_OK)
		e = files->rename(fresh, between, f);
	return e == ERR_OK ? files->sync_folder(path, f) : e;
}

/* Both change names at once: no instant has neither. */
static enum err change(
    const struct files *files, const char *between, const char *path, struct fail *f)
{
	enum err e;

	if (!MUTANT(rebuilt_in_two_steps))
		return files->exchange(between, path, f);
	e = files->remove(path, f);
	return e == ERR_OK ? files->rename(between, path, f) : e;
}

enum err files_swap_end(const struct files *files, const char *between, const char *path,
    const char *aside, struct fail *f)
{
	enum err e = change(files, between, path, f);

	if (e == ERR_OK)
		e = files->sync_folder(path, f);
	if (e == ERR_OK)
		e = files->rename(between, aside, f);
	return e == ERR_OK ? files->sync_folder(path, f) : e;
}

static bool is_number(const struct files *files, const char *path, const char *number)
{
	char text[24];
	uint64_t is;

	if (files->number(path, &is, NULL) != ERR_OK)
		return false;
	snprintf(text, sizeof text, "%" PRIu64, is);
	return !strcmp(text, number);
}

enum files_swap files_swap_look(
    const struct files *files, const char *path, const char *name)
{
	size_t n = strlen(path);
	const char *number;

	if (strncmp(name, path, n) != 0 ||
	    strncmp(name + n, SWAP, sizeof SWAP - 1) != 0 ||
	    name[n + sizeof SWAP - 1 + strspn(name + n + sizeof SWAP - 1, "0123456789")])
		return FILES_SWAP_NONE;
	number = name + n + sizeof SWAP - 1;
	if (is_number(files, path, number) && !MUTANT(swap_told_as_old))
		return FILES_SWAP_FRESH;
	return is_number(files, name, number) || MUTANT(swap_copied_is_old)
	    ? FILES_SWAP_OLD
	    : FILES_SWAP_UNSURE;
}
