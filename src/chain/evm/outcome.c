#include "chain/evm/outcome.h"

#include <string.h>

#include "base/hex.h"
#include "chain/rpc.h"
#include "codec/abi.h"
#include "codec/json.h"

#define ANY INT64_MIN
#define REVERT_DATA_MAX 1024

struct outcome {
	int64_t code;
	const char *text; /* lower case; "": any */
	unsigned of;
	enum err err;
	enum node_note note;
};

static const struct outcome outcomes[] = {
#define OUTCOME(client, code, text, of, err, note) \
	{ code, text, of, ERR_##err, NOTE_##note },
#include "chain/evm/outcome.def"
#undef OUTCOME
};

/* Is `part`, in lower case, within text? */
static bool contains(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool fits(const struct outcome *o, unsigned of, int64_t code, const char *message)
{
	return (o->of & of) && (o->code == ANY || o->code == code) &&
	    contains(message, o->text);
}

static void find(
    struct node_word *ret, enum outcome_of of, int64_t code, const char *message)
{
	ret->err = ERR_BAD_ANSWER;
	ret->note = NOTE_OTHER;
	rpc_printable(ret->text, sizeof ret->text, message);
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
		if (!fits(&outcomes[i], of, code, message))
			continue;
		ret->err = outcomes[i].err;
		ret->note = outcomes[i].note;
		return;
	}
}

void outcome_bad(struct node_word *ret, const char *why)
{
	ret->err = ERR_BAD_ANSWER;
	ret->note = NOTE_OTHER;
	rpc_printable(ret->text, sizeof ret->text, why);
}

/* The bytes that a revert came with: error.data as text, or inside an object
 * (Hardhat says "data", Ganache "result"). */
static const char *revert_data(const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	const char *text = json_string_value(data);

	if (!text)
		text = json_str(data, "data");
	if (!text)
		text = json_str(data, "result");
	if (text && strncmp(text, "Reverted ", 9) == 0) /* Nethermind, old Parity */
		text += 9;
	return text;
}

static void revert_text(struct node_word *word, const json_t *error)
{
	const char *hex = revert_data(error);
	uint8_t data[REVERT_DATA_MAX];
	char reason[160];
	size_t len;

	if (!hex || strncmp(hex, "0x", 2) != 0)
		return;
	len = strlen(hex + 2) / 2;
	if (len == 0 || len > sizeof data || !hex_parse_0x(data, len, hex))
		return;
	abi_revert_reason(reason, data, len);
	rpc_printable(word->text, sizeof word->text, reason);
}

void outcome_read(struct node_word *ret, enum outcome_of of, const json_t *error)
{
	const char *message = json_str(error, "message");
	int64_t code = 0;

	if (!error) {
		outcome_bad(ret, "no reply to this call");
		return;
	}
	json_i64(error, "code", &code);
	find(ret, of, code, message ? message : "");
	if (ret->note == NOTE_REVERTED)
		revert_text(ret, error);
}

enum err outcome_fail(enum outcome_of of, const json_t *error, struct fail *f)
{
	struct node_word word;

	outcome_read(&word, of, error);
	if (word.err == ERR_OK)
		word.err = ERR_BAD_ANSWER;
	return fail_set(f, word.err, "the node says: %s", word.text);
}
