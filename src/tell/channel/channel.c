#include "tell/channel/channel.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct channel *const channels[] = { &channel_webhook, &channel_telegram };

_Static_assert(sizeof channels / sizeof *channels <= CHANNELS_MAX, "they have room");

const struct channel *channel_at(int number)
{
	return (size_t)number < sizeof channels / sizeof *channels ? channels[number]
								   : NULL;
}

int channel_number(const struct channel *c)
{
	int number = 0;

	while (channels[number] != c)
		number++;
	return number;
}

const struct channel *channel_named(const char *name)
{
	for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
		if (strcmp(channels[i]->name, name) == 0)
			return channels[i];
	return NULL;
}

const char *channel_word(char out[CHANNEL_WORD_MAX], const char *text)
{
	snprintf(out, CHANNEL_WORD_MAX, "%.*s", (int)strcspn(text, ":/?#@ "), text);
	utf8_plain(out);
	return out;
}

enum err channel_split(
    const struct channel **ret, const char **ret_target, const char *text, struct fail *f)
{
	char word[CHANNEL_WORD_MAX];

	for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
		size_t len = strlen(channels[i]->name);

		if (strncmp(text, channels[i]->name, len) != 0 || text[len] != ':')
			continue;
		*ret = channels[i];
		*ret_target = text + len + 1;
		return ERR_OK;
	}
	return fail_set(f, ERR_USAGE,
	    "'%s' is no channel: whom to tell is CHANNEL:TARGET, as webhook:https://.. "
	    "or telegram:CHAT",
	    channel_word(word, text));
}

enum err channel_parse(
    const struct channel **ret, const char **ret_target, const char *text, struct fail *f)
{
	enum err e = channel_split(ret, ret_target, text, f);

	return e == ERR_OK ? (*ret)->check(*ret_target, f) : e;
}
