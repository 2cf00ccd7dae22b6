/* lender.h - what the program around an owner lends it: one chain, and keys by name. */
#ifndef PAWL_SIM_LENDER_H
#define PAWL_SIM_LENDER_H

#include "serve/command/command.h"

struct sim_key {
	const char *name;
	struct secret *secret;
	struct address address;
};

/* Borrowed, and outlives who was lent to. */
struct sim_lender {
	const struct chain_config *config;
	const struct sim_key *key;
	int keys;
};

struct serve_face sim_lender_face(struct sim_lender *l);
struct keyring_face sim_lender_keyring(struct sim_lender *l);

#endif
