/* teller.h - what a follower tells, kept in its order. One list for one follower at a
 * time.
 */
#ifndef PAWL_TESTS_TELLER_H
#define PAWL_TESTS_TELLER_H

#include "chain/follower/follower.h"

enum tale { ADOPTED, RETRACTED, FINAL, UNDONE, PASSED };

struct told {
	enum tale tale;
	uint64_t height;
	struct hash hash;
	uint32_t tx_n;
	enum tx_status status; /* of the first */
	bool has_every;
	uint32_t every_n, every_ok; /* of all in it, and of them those that went well */
	bool has_count;
	uint64_t count;
};

#define TOLD_MAX 32768

extern struct told told[TOLD_MAX];
extern size_t told_n;
extern bool may_be_final; /* whether it may tell blocks as final */

/* For the setup of a follower. */
extern const struct follower_told teller;

#endif
