/* channels.h - what the channels of messages need of the config: secrets, read once.
 *
 * One that can't be used is warned of, and its messages wait; who wants to be told by it
 * hears why. An operator who corrects it starts again, or lets it be read again.
 */
#ifndef PAWL_CLI_OWNER_CHANNELS_H
#define PAWL_CLI_OWNER_CHANNELS_H

#include "cli/config/config.h"
#include "tell/channel/channel.h"

#define CHANNELS_URL_MAX 320

struct channels {
	struct channel_config config; /* what it points to is this struct's */
	struct secret *webhook_secret, *telegram_token;
	char telegram_api[CHANNELS_URL_MAX];
	/* Why it can't be used; "": none is configured, or it can. */
	char no_webhook[200], no_telegram[200];
	bool read;
};

/* Once; c zeroed before. */
void channels_load(struct channels *c, const struct config *config);
void channels_release(struct channels *c);

/* fails: CONFIG, with the key and the way; USAGE: it is not sent there. */
NODISCARD enum err channels_ready(
    const struct channels *c, const char *name, const char *target, struct fail *f);
/* Does the config name what it needs? Nothing is read yet. fails: as before. */
NODISCARD enum err channels_named(const struct config *config,
    const struct channel *channel, const char *target, struct fail *f);
/* Can all be used that are configured? fails: CONFIG. */
NODISCARD enum err channels_sound(const struct channels *c, struct fail *f);
/* The others take the place of those, which are released. */
void channels_renew(struct channels *c, struct channels *others);
bool channels_any(const struct channels *c); /* can messages leave? */

#endif
