#include <string.h>

#include "chain/bitcoin/bitcoin.h"
#include "codec/json.h"

#define ANY INT64_MIN
#define ERR_ABSENT ERR_OK

struct outcome {
	int64_t code;
	const char *text; /* lower case; "": any */
	enum err err;     /* OK: absent */
	enum node_note note;
};

static const struct outcome outcomes[] = {
#define OUTCOME(client, code, text, err, note) { code, text, ERR_##err, NOTE_##note },
#include "chain/bitcoin/outcome.def"
#undef OUTCOME
};

static const struct outcome unknown = { ANY, "", ERR_BAD_ANSWER, NOTE_OTHER };

static const struct outcome *find(const json_t *error)
{
	const char *message = json_str(error, "message");
	int64_t code = 0;

	json_i64(error, "code", &code);
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if ((outcomes[i].code == ANY || outcomes[i].code == code) &&
		    strcasestr(message ? message : "", outcomes[i].text))
			return &outcomes[i];
	return &unknown;
}

bool bitcoin_absent(const json_t *error)
{
	return error && find(error)->err == ERR_ABSENT;
}

enum err bitcoin_fail(const json_t *error, struct node_word *ret_word, struct fail *f)
{
	struct node_word word = { .err = ERR_BAD_ANSWER, .note = NOTE_OTHER };
	const char *message = error ? json_str(error, "message") : NULL;

	rpc_printable(word.text, sizeof word.text,
	    message     ? message
		: error ? "an error without a message"
			: "no reply to this call");
	if (error) {
		word.err = find(error)->err;
		word.note = find(error)->note;
	}
	if (word.err == ERR_ABSENT)
		word.err = ERR_NODE_REFUSED; /* who asks for facts of it gets none */
	if (ret_word)
		*ret_word = word;
	return fail_set(f, word.err, "the node says: %s", word.text);
}
