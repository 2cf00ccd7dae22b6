/* webhook.h - the signature of a webhook, for whoever checks it, too. */
#ifndef PAWL_TELL_CHANNEL_WEBHOOK_H
#define PAWL_TELL_CHANNEL_WEBHOOK_H

#include "crypto/secret.h"

#define WEBHOOK_SIGNATURE_MAX 68 /* "v1=", 64 digits and a NUL */

/* HMAC-SHA256 over the timestamp, a '.', and the body. */
void webhook_sign(char out[WEBHOOK_SIGNATURE_MAX], const struct secret *secret,
    const char *timestamp, const char *body, size_t len);

#endif
