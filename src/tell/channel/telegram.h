/* telegram.h - what the channel and the bot share of Telegram's Bot API.
 *
 * The token stands in each URL. It is written there when a request leaves, and taken out
 * of all that is said of it.
 */
#ifndef PAWL_TELL_CHANNEL_TELEGRAM_H
#define PAWL_TELL_CHANNEL_TELEGRAM_H

#include <jansson.h>

#include "tell/channel/channel.h"

#define TELEGRAM_TEXT_MAX 4096 /* UTF-16 units, its markup among them */
#define TELEGRAM_TOKEN_MAX 128

/* NULL: it is one. Else what is wrong, without it. */
const char *telegram_token_fault(const struct secret *token);

/* "https://api.telegram.org/bot.../sendMessage" */
void telegram_url(
    char out[LETTER_URL_MAX], const struct channel_config *c, const char *method);

/* Its own id: what stands before the token's ':'. */
int64_t telegram_bot_id(const struct channel_config *c);

/* What an answer says, whatever was asked. ret: zeros. *ret_result: what it gives, if it
 * is ACCEPTED, to be released; NULL: nothing. ret_result may be NULL. */
void telegram_judge(struct verdict *ret, const struct channel_config *c,
    const struct http_answer *a, json_t **ret_result);

/* telegram_text.c: the channel's compose and showing. */
char *telegram_compose(const struct parcel *p, size_t *ret_n);
enum showing telegram_showing(const char *type);

#endif
