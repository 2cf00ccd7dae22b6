/* walk.c - the transactions of a block and their receipts out of their text, without a
 * tree of them.
 *
 * They are nine tenths of what nodes send. As nodes write them they are plain: no blanks,
 * no escapes, ASCII alone, and flat but for logs and lists of access. Only that is read
 * here, and strictly; whatever looks different is for jansson, whose word then stands.
 * What nobody reads, as the logs of others, is passed over by its brackets.
 */
#include <string.h>

#include "chain/evm/evm.h"

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

/* Where the list or object ends that begins here, if it is one. */
static char *nested_end(char *at)
{
	int depth = 0;

	if (*at != '[' && *at != '{')
		return NULL;
	for (; *at; at++) {
		if (*at == '"') {
			char *end = strchr(at + 1, '"');

			if (!end || !is_plain(at + 1, (size_t)(end - at - 1)))
				return NULL;
			at = end;
		}
		depth += (*at == '[' || *at == '{') - (*at == ']' || *at == '}');
		if (!depth)
			return at + 1;
	}
	return NULL;
}

static bool nested_pass(char **at)
{
	char *end = nested_end(*at);

	if (end)
		*at = end;
	return end != NULL;
}

/* Of a member that nobody reads. */
static bool value_pass(char **at)
{
	return string_take(at) || number_take(at) || word_take(at, "null") ||
	    word_take(at, "false") || word_take(at, "true") || nested_pass(at);
}

/* Nearly all are others', and nobody reads them: they stay text. */
static bool logs_take(char **at, struct entry_text *ret)
{
	ret->logs_text = *at;
	if (**at != '[' || !nested_pass(at))
		return false;
	ret->logs_len = (size_t)(*at - ret->logs_text);
	ret->has_logs = true;
	return true;
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
static bool member_take(char **at, const char *hash_key, struct entry_text *ret)
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
		return !ret->has_logs && logs_take(at, ret);
	if (*texts[which])
		return false;
	*texts[which] = string_take(at);
	return *texts[which] != NULL;
}

static bool entry_take(char **at, const char *hash_key, struct entry_text *ret)
{
	*ret = (struct entry_text){ .hash = NULL };
	if (!char_take(at, '{'))
		return false;
	do
		if (!member_take(at, hash_key, ret))
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

		if (!entry_take(&at, hash_key, &e) || !each(ctx, &e))
			return NULL;
	} while (char_take(&at, ','));
	return char_take(&at, ']') ? at : NULL;
}
