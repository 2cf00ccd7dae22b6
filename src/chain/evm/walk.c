/* walk.c - the transactions of a block and their receipts out of their text, without a
 * tree of them.
 *
 * They are nine tenths of what nodes send. As nodes write them they are plain: no blanks,
 * no escapes, ASCII alone, and flat but for logs and lists of access. Only that is read
 * here, and strictly; whatever looks different is for jansson, whose word then stands.
 */
#include <string.h>

#include "chain/evm/evm.h"
#include "codec/json.h"

#define DIGITS_MAX 18 /* of a number that fits a signed 64 bits */

/* The hash, which has two names, comes before the others. */
static const char *const names[] = { "blockHash", "transactionIndex", "from",
	"blockNumber", "nonce", "status", "gasUsed", "effectiveGasPrice", "logs" };

#define MEMBERS (1 + sizeof names / sizeof *names)
#define LOGS (MEMBERS - 1)

static bool is_plain(const char *text, size_t len)
{
	unsigned odd = 0;

	for (size_t i = 0; i < len; i++)
		odd |= (unsigned char)(text[i] - ' ') > '~' - ' ' || text[i] == '\\';
	return !odd;
}

/* *at is behind it then, and its closing quote a NUL. */
static char *string_take(char **at)
{
	char *from = *at + 1, *end = **at == '"' ? strchr(from, '"') : NULL;

	if (!end || !is_plain(from, (size_t)(end - from)))
		return NULL;
	*end = '\0';
	*at = end + 1;
	return from;
}

static bool char_take(char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

static bool word_take(char **at, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool number_take(char **at)
{
	size_t digits = strspn(*at, "0123456789");

	if (!digits || digits > DIGITS_MAX || (**at == '0' && digits > 1))
		return false;
	*at += digits;
	return true;
}

/* Where the list or object ends that begins here, if it is one: jansson reads it then. */
static char *list_end(char *at)
{
	int depth = 0;

	for (; *at; at++) {
		if (*at == '"')
			at = strchr(at + 1, '"');
		if (!at || *at == '\\')
			return NULL;
		depth += (*at == '[' || *at == '{') - (*at == ']' || *at == '}');
		if (!depth)
			return at + 1;
	}
	return NULL;
}

static json_t *nested_take(char **at)
{
	char *end = **at == '[' || **at == '{' ? list_end(*at) : NULL;
	json_t *v = end ? json_read(*at, (size_t)(end - *at), NULL) : NULL;

	if (v)
		*at = end;
	return v;
}

static bool nested_pass(char **at)
{
	json_t *v = nested_take(at);

	json_decref(v);
	return v != NULL;
}

/* Of a member that nobody reads. */
static bool value_pass(char **at)
{
	return string_take(at) || number_take(at) || word_take(at, "null") ||
	    word_take(at, "[]") || word_take(at, "false") || word_take(at, "true") ||
	    word_take(at, "{}") || nested_pass(at);
}

static bool logs_take(char **at, struct entry_text *ret, json_t **ret_logs)
{
	ret->has_logs = true;
	if (word_take(at, "[]"))
		return true;
	ret->logs = *ret_logs = **at == '[' ? nested_take(at) : NULL;
	return *ret_logs != NULL;
}

static size_t member_find(const char *name, const char *hash_key)
{
	size_t i = 1;

	if (!strcmp(name, hash_key))
		return 0;
	while (i < MEMBERS && strcmp(names[i - 1], name) != 0)
		i++;
	return i;
}

/* Twice the same would be another's word against itself. */
static bool member_take(
    char **at, const char *hash_key, struct entry_text *ret, json_t **ret_logs)
{
	const char **texts[LOGS] = { &ret->hash, &ret->block_hash, &ret->index,
		&ret->from, &ret->height, &ret->nonce, &ret->status, &ret->gas_used,
		&ret->gas_price };
	const char *name = string_take(at);
	size_t which;

	if (!name || !char_take(at, ':'))
		return false;
	which = member_find(name, hash_key);
	if (which == MEMBERS)
		return value_pass(at);
	if (which == LOGS)
		return !ret->has_logs && logs_take(at, ret, ret_logs);
	if (*texts[which])
		return false;
	*texts[which] = string_take(at);
	return *texts[which] != NULL;
}

static bool entry_take(
    char **at, const char *hash_key, struct entry_text *ret, json_t **ret_logs)
{
	*ret = (struct entry_text){ .hash = NULL };
	if (!char_take(at, '{'))
		return false;
	do
		if (!member_take(at, hash_key, ret, ret_logs))
			return false;
	while (char_take(at, ','));
	return char_take(at, '}');
}

char *evm_walk(char *list, const char *hash_key, entry_fn *each, void *ctx)
{
	char *at = list;

	if (!char_take(&at, '['))
		return NULL;
	do {
		struct entry_text e;
		json_t *logs = NULL;
		bool good = entry_take(&at, hash_key, &e, &logs) && each(ctx, &e);

		json_decref(logs);
		if (!good)
			return NULL;
	} while (char_take(&at, ','));
	return char_take(&at, ']') ? at : NULL;
}
