#include "serve/command/hearer.h"

#include <string.h>

#include "tell/channel/channel.h"

enum err hearer_find(struct journal *j, const char *word, int64_t *ret, struct fail *f)
{
	static const char prefix[] = "notify:";
	const struct channel *channel;
	const char *target;
	enum err e;

	*ret = 0;
	if (strncmp(word, prefix, sizeof prefix - 1) == 0) {
		if (command_id(word + sizeof prefix - 1, ret))
			return ERR_OK;
		return fail_set(f, ERR_USAGE,
		    "notify: is followed by the number of a subscriber; see: pawl "
		    "status");
	}
	e = channel_split(&channel, &target, word, f);
	if (e == ERR_OK)
		*ret = message_subscriber(j, channel->name, target);
	return e;
}

enum err hearers_drop(struct journal *j, const json_t *words, const struct subject *of,
    bool *ret_moved, struct fail *f)
{
	const json_t *one;
	enum err e = ERR_OK;
	int64_t id;
	size_t i;

	json_array_foreach(words, i, one)
	{
		const char *word = json_string_value(one);

		e = word ? hearer_find(j, word, &id, f)
			 : fail_set(f, ERR_USAGE, "notify: no text");
		if (e != ERR_OK)
			return e;
		*ret_moved |=
		    of ? message_unsubscribe(j, id, of) : message_silence(j, id);
	}
	return e;
}
