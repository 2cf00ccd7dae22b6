#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "world/files.h"

#define SWAP ".swap_"
#define PIECE ((size_t)1 << 20)
#define SUM_BYTES 16

/* -- what a name says ------------------------------------------------------------ */

static enum err head_sum(const struct files *files, struct file *file, uint64_t len,
    char out[2 * SUM_BYTES + 1], struct fail *f)
{
	struct sha256 *sum = sha256_begin();
	char *bytes = mem_array(PIECE, 1);
	uint8_t raw[32];
	size_t n = 1;
	enum err e = ERR_OK;

	for (uint64_t at = 0; e == ERR_OK && at < len; at += n) {
		size_t want = len - at < PIECE ? (size_t)(len - at) : PIECE;

		files->soon(file, at, 4 * PIECE);
		e = files->read(file, at, bytes, want, &n, f);
		if (e == ERR_OK && n < want)
			e = fail_set(f, ERR_STALE, "it became shorter meanwhile");
		if (e == ERR_OK)
			sha256_add(sum, bytes, n);
	}
	sha256_end(sum, raw);
	hex_format(out, raw, SUM_BYTES);
	mem_free(bytes);
	return e;
}

static enum err content_open(const struct files *files, const char *path,
    struct file **ret, bool *ret_folder, struct fail *f)
{
	char identity[1200];

	*ret_folder = files->open(ret, path, FILE_READ, NULL) != ERR_OK;
	if (!*ret_folder)
		return ERR_OK;
	snprintf(identity, sizeof identity, "%.1100s/IDENTITY", path);
	return files->open(ret, identity, FILE_READ, f);
}

enum err files_note(
    const struct files *files, const char *path, char out[FILES_NOTED], struct fail *f)
{
	char sum[2 * SUM_BYTES + 1];
	struct file *file = NULL;
	uint64_t number, size = 0;
	bool folder;
	enum err e = files->number(path, &number, f);

	if (e != ERR_OK)
		return e;
	e = content_open(files, path, &file, &folder, f);
	/* a power cut takes nothing of what is summed */
	if (e == ERR_OK)
		e = files->sync(file, f);
	if (e == ERR_OK)
		e = files->size(file, &size, f);
	if (e == ERR_OK)
		e = head_sum(files, file, size, sum, f);
	files->close(file);
	if (e == ERR_STOPPED)
		return e;
	if (e == ERR_OK && !MUTANT(noted_by_inode))
		snprintf(out, FILES_NOTED, "%" PRIu64 "_%s", size, sum);
	else
		snprintf(out, FILES_NOTED, "%" PRIu64, number);
	return ERR_OK;
}

/* How much of it is what was noted. */
enum fits { FITS_NOT, FITS_BEGINNING, FITS_WHOLE };

static enum fits fits(
    const struct files *files, const char *path, uint64_t size, const char *sum)
{
	char is[2 * SUM_BYTES + 1] = "";
	struct file *file = NULL;
	uint64_t now = 0;
	bool folder = false;
	enum err e = content_open(files, path, &file, &folder, NULL);

	if (e == ERR_OK)
		e = files->size(file, &now, NULL);
	if (e == ERR_OK && now >= size)
		e = head_sum(files, file, size, is, NULL);
	files->close(file);
	if (e != ERR_OK || strcmp(is, sum) != 0)
		return FITS_NOT;
	/* a database has more than its name; a log grows meanwhile */
	return folder || now > size || MUTANT(noted_beginning_is_all) ? FITS_BEGINNING
								      : FITS_WHOLE;
}

static bool has_number(const struct files *files, const char *path, uint64_t number)
{
	uint64_t is;

	return files->number(path, &is, NULL) == ERR_OK && is == number;
}

enum files_swap files_noted_is(
    const struct files *files, const char *path, const char *name, const char *noted)
{
	size_t n = strspn(noted, "0123456789");
	uint64_t number = strtoull(noted, NULL, 10);
	enum fits old, now;

	if (n && !noted[n]) {
		if (has_number(files, path, number))
			return FILES_SWAP_FRESH;
		return has_number(files, name, number) ? FILES_SWAP_OLD
						       : FILES_SWAP_UNSURE;
	}
	if (!n || noted[n] != '_' || strlen(noted + n + 1) != 2 * SUM_BYTES)
		return FILES_SWAP_NONE;
	old = fits(files, name, number, noted + n + 1);
	now = fits(files, path, number, noted + n + 1);
	if (old != now)
		return old > now ? FILES_SWAP_OLD : FILES_SWAP_FRESH;
	/* the same bytes: either is */
	return old == FITS_WHOLE ? FILES_SWAP_FRESH : FILES_SWAP_UNSURE;
}

/* -- one takes the place of the other ---------------------------------------------- */

enum err files_swap_name(
    const struct files *files, const char *path, char *out, size_t size, struct fail *f)
{
	char noted[FILES_NOTED];
	enum err e = files_note(files, path, noted, f);

	if (e == ERR_OK &&
	    (size_t)snprintf(out, size, "%s" SWAP "%s", path, noted) >= size)
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

enum files_swap files_swap_look(
    const struct files *files, const char *path, const char *name)
{
	size_t n = strlen(path);
	enum files_swap is;

	if (strncmp(name, path, n) != 0 || strncmp(name + n, SWAP, strlen(SWAP)) != 0)
		return FILES_SWAP_NONE;
	is = files_noted_is(files, path, name, name + n + strlen(SWAP));
	if (is == FILES_SWAP_FRESH && MUTANT(swap_told_as_old))
		return FILES_SWAP_OLD;
	return is == FILES_SWAP_UNSURE && MUTANT(swap_copied_is_old) ? FILES_SWAP_OLD
								     : is;
}
