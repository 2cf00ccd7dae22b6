/* What an update of the Bot API says to us: all of it is written by others. */
#include <string.h>

#include "codec/json.h"
#include "tell/bot/bot.h"

#define BLANKS " \t\r\n"

/* Cut, where it is longer; what is no visible ASCII is no word of a command. */
static bool word_take(const char **at, char *out, size_t size)
{
	size_t len;

	*at += strspn(*at, BLANKS);
	len = strcspn(*at, BLANKS);
	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((*at)[i] <= ' ' || (*at)[i] > '~')
			return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	return true;
}

/* "/Track@pawl_bot" is "/track": what is for another bot does not reach this one. */
static void command_name(char *word)
{
	word[strcspn(word, "@")] = '\0';
	for (char *at = word; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
}

bool bot_command_parse(struct bot_command *ret, const json_t *update)
{
	const json_t *message = json_object_get(update, "message");
	const json_t *chat = json_object_get(message, "chat");
	const json_t *from = json_object_get(message, "from");
	const char *text = json_str(message, "text"), *kind = json_str(chat, "type");
	char longer[BOT_WORD_MAX];

	*ret = (struct bot_command){ .chat = 0 };
	if (!text || !kind || !json_i64(chat, "id", &ret->chat) || ret->chat == 0)
		return false;
	(void)json_i64(from, "id", &ret->user);
	ret->alone = strcmp(kind, "private") == 0;
	if (*text != '/' || !word_take(&text, longer, sizeof longer))
		return ret->alone; /* whatever he says, there is help */
	command_name(longer);
	if (strlen(longer) >= sizeof ret->word)
		return ret->alone;
	memcpy(ret->word, longer, strlen(longer) + 1);
	if (!word_take(&text, ret->hash, sizeof ret->hash) ||
	    !word_take(&text, ret->chain, sizeof ret->chain))
		ret->hash[0] = ret->chain[0] = '\0';
	return true;
}
