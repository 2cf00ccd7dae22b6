/* bot_face.h - what commands of chats do: the bot of src/tell knows neither chains nor
 * kinds, and is lent these.
 */
#ifndef PAWL_CLI_OWNER_BOT_FACE_H
#define PAWL_CLI_OWNER_BOT_FACE_H

#include "cli/owner/loop.h"

/* To the loop's present messages, by the config of today. */
void bot_face_lend(struct loop *l);

#endif
