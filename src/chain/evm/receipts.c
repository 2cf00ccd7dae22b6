/* receipts.c - the receipts of a block out of their text, without a tree of them.
 *
 * They are nine tenths of what nodes send. As nodes write them they are plain: no blanks,
 * no escapes, ASCII alone, and flat but for the logs. Only that is read here, and
 * strictly; whatever looks different is for jansson, whose word then stands.
 */
#include <string.h>

#include "chain/evm/evm.h"
#include "codec/json.h"

#define MEMBERS 9
#define DIGITS_MAX 18 /* of a number that fits a signed 64 bits */

enum { LOGS = MEMBERS - 1 };

static const char *const names[MEMBERS] = { "transactionHash", "blockHash",
	"transactionIndex", "from", "blockNumber", "status", "gasUsed",
	"effectiveGasPrice", "logs" };

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

/* Of a member that nobody reads. */
static bool value_pass(char **at)
{
	return string_take(at) || number_take(at) || word_take(at, "null") ||
	    word_take(at, "[]") || word_take(at, "false") || word_take(at, "true") ||
	    word_take(at, "{}");
}

/* Where the list ends that begins here, if it is one: jansson reads it then. */
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

static bool logs_take(char **at, struct entry_text *ret, json_t **ret_logs)
{
	char *end;

	ret->has_logs = true;
	if (word_take(at, "[]"))
		return true;
	end = **at == '[' ? list_end(*at) : NULL;
	if (!end)
		return false;
	ret->logs = *ret_logs = json_read(*at, (size_t)(end - *at), NULL);
	*at = end;
	return *ret_logs != NULL;
}

static size_t member_find(const char *name)
{
	size_t i = 0;

	while (i < MEMBERS && strcmp(names[i], name) != 0)
		i++;
	return i;
}

/* Twice the same would be another's word against itself. */
static bool member_take(char **at, struct entry_text *ret, json_t **ret_logs)
{
	const char **texts[LOGS] = { &ret->hash, &ret->block_hash, &ret->index,
		&ret->from, &ret->height, &ret->status, &ret->gas_used, &ret->gas_price };
	const char *name = string_take(at);
	size_t which;

	if (!name || !char_take(at, ':'))
		return false;
	which = member_find(name);
	if (which == MEMBERS)
		return value_pass(at);
	if (which == LOGS)
		return !ret->has_logs && logs_take(at, ret, ret_logs);
	if (*texts[which])
		return false;
	*texts[which] = string_take(at);
	return *texts[which] != NULL;
}

static bool entry_take(char **at, struct entry_text *ret, json_t **ret_logs)
{
	*ret = (struct entry_text){ .hash = NULL };
	if (!char_take(at, '{'))
		return false;
	do
		if (!member_take(at, ret, ret_logs))
			return false;
	while (char_take(at, ','));
	return char_take(at, '}');
}

char *evm_receipts_walk(char *list, entry_fn *each, void *ctx)
{
	char *at = list;

	if (!char_take(&at, '['))
		return NULL;
	do {
		struct entry_text e;
		json_t *logs = NULL;
		bool good = entry_take(&at, &e, &logs) && each(ctx, &e);

		json_decref(logs);
		if (!good)
			return NULL;
	} while (char_take(&at, ','));
	return char_take(&at, ']') ? at : NULL;
}
