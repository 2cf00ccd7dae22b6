/* redact.h - what is secret in a node's URL does not come back in its answers.
 *
 * A provider that refuses a request may quote the key that came with it, and what nodes
 * say is journaled, logged and shown. Keys are long words of the URL's user, password,
 * path or query; where an answer has one, there are stars instead.
 */
#ifndef PAWL_CHAIN_POOL_REDACT_H
#define PAWL_CHAIN_POOL_REDACT_H

#include <stddef.h>

/* In place. A shorter word than 16 bytes is a name, and stays. */
void redact(char *text, size_t len, const char *url);
/* This word, wherever it is. */
void redact_word(char *text, size_t len, const char *word, size_t n);

#endif
