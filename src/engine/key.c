/* key.c - which key of the configuration is an account's, and what it is called now. */
#include "engine/account.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "crypto/secp.h"
#include "journal/sql.gen.h"

/* The configuration may call the account's key otherwise now. */
static void name_take(struct runner *r, struct account *a)
{
	const struct keyring_face *k = &r->s.keys;
	const char *name = k->called ? k->called(k->ctx, a->key_name, &a->address) : NULL;

	if (!name || strcmp(name, a->key_name) == 0)
		return;
	snprintf(a->key_name, sizeof a->key_name, "%s", name);
	a->renamed = true;
}

/* And another key by this name: it must be the account's. */
void account_key_take(struct runner *r, struct account *a)
{
	const struct secret *key = NULL;
	struct address address;
	struct fail f = { 0 };
	enum err e;

	if (a->key || !runner_moves_on(r, a->id))
		return; /* else followed and settled, not moved on */
	name_take(r, a);
	e = r->s.keys.get(r->s.keys.ctx, a->key_name, &key, &f);
	if (e == ERR_OK && !key)
		return; /* a command that signs nothing */
	if (e == ERR_OK)
		e = secp_address(address.at, key, &f);
	if (e != ERR_OK)
		log_error("account", "key %s: %s", a->key_name, f.why);
	else if (!address_same(&address, &a->address))
		log_error("account",
		    "key %s is not the key of the account any more that the journal "
		    "knows by that name: nothing is signed for it",
		    a->key_name);
	else
		a->key = key;
}

void account_key(struct runner *r, int64_t id)
{
	struct account *a = account_of(r, id);

	if (a)
		account_key_take(r, a);
}

void account_name_put(struct runner *r, struct account *a)
{
	if (!a->renamed)
		return;
	a->renamed = false;
	account_stop_renamed(r, a);
	sql_account_key_name(r->s.journal,
	    &(struct sql_account_key_name_in){ .id = a->id, .key_name = a->key_name });
	journal_event(r->s.journal,
	    &(struct event){
		.what = "account", .from = "", .to = "renamed", .why = a->key_name });
	log_info("account", "its key is called %s now", a->key_name);
}
