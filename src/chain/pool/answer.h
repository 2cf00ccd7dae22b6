/* answer.h - what came of a request to a node, before anybody reads the answer. */
#ifndef PAWL_CHAIN_POOL_ANSWER_H
#define PAWL_CHAIN_POOL_ANSWER_H

#include "world/world.h"

/* OK: a whole JSON text, of success or an error status whose body is JSON-RPC. Else
 * NOT_SENT, UNANSWERED (a timeout, a 5xx), RATE_LIMITED, NODE_BUSY, NODE_REFUSED (4xx) or
 * BAD_ANSWER. */
enum err answer_judge(const struct http_answer *h, struct fail *f);

#endif
