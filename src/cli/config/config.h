/* config.h - pawl.yaml, read, checked and complete.
 *
 * One table (config.def) says which keys there are. Each has a twin in the
 * environment that goes before it: PAWL_ and the path, upper case, joined by "__"
 * (PAWL_CHAINS__MAINNET__POLL_MS=500; a "-" in a name is written "_"). Secrets stand
 * here as references only (ref.h) and are not looked at while reading.
 *
 * A keystore in the folder keys/ beside the file is a key under its own name, also
 * when the file doesn't mention it.
 *
 * The config owns all it points to; config_free ends that.
 */
#ifndef PAWL_CLI_CONFIG_CONFIG_H
#define PAWL_CLI_CONFIG_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "chain/config.h"
#include "cli/config/ref.h"
#include "kinds/track/track.h"

#define CONFIG_NAME_MAX 32
#define CONFIG_CHAINS_MAX 64
#define CONFIG_KEYS_MAX 256
#define CONFIG_TOKENS_MAX 64
#define CONFIG_ALLOW_MAX 4096
#define CONFIG_LISTEN_NONE "none"
#define CONFIG_CHAIN_NONE "none"

struct key_config {
	const char *name;
	struct ref source;   /* paths are joined to the config's folder */
	struct ref password; /* of a keystore, else REF_NONE */
};

enum log_format { LOG_TEXT, LOG_JSON };

struct log_config {
	enum log_format format;
	const char *file; /* NULL: stderr */
	enum log_level level;
};

struct token_config {
	const char *name;
	struct ref token;
};

struct serve_config {
	const char *listen; /* NULL: where nobody else does; "none": nowhere */
	struct token_config *tokens;
	int tokens_n;
	unsigned metrics_open; /* 0 or 1 */
};

struct webhook_config {
	struct ref secret;      /* REF_NONE: webhooks can't be sent */
	unsigned allow_private; /* 0 or 1 */
};

/* Numbers of chats and users, or anyone's. */
struct allow_config {
	int64_t *at;
	int n;
	bool anyone;
};

struct telegram_config {
	struct ref token; /* REF_NONE: nothing is sent there */
	const char *api;
	struct allow_config allow; /* who may give the bot commands */
	unsigned max_users;
};

struct tell_config {
	int64_t stuck_after; /* in milliseconds */
	struct webhook_config webhook;
	struct telegram_config telegram;
};

/* In milliseconds; 0: for ever. */
struct retention_config {
	int64_t airdrop, fence, track, node;
};

struct fees_config {
	unsigned buffer_percent;
};

struct track_keys {
	int64_t expire_after; /* in milliseconds */
	struct track_percents {
		int n;
		int at[TRACK_PERCENTS_MAX]; /* rising */
	} milestones;
};

/* Copies of the files of a layer 2. */
struct node_backup_config {
	int64_t every; /* in milliseconds; 0: never */
	unsigned keep;
	const char *folder, *copy_to, *command; /* NULL: none, as config.def says */
};

struct node_keys {
	struct node_backup_config backup;
	const char *chain; /* NULL: none is followed */
	const char *data_dir;
	unsigned max_divergence; /* blocks */
};

struct config {
	const char *path, *dir; /* dir: the file's folder, "." for the current one */
	const char *journal;
	unsigned mode; /* of the file; 0 when it was read from memory */
	struct log_config log;
	struct serve_config serve;
	struct tell_config tell;
	struct fees_config fees;
	struct track_keys track;
	struct node_keys node;
	struct retention_config retention;
	struct chain_config *chains;
	int chains_n;
	struct key_config *keys;
	int keys_n;
	const char **warnings; /* sentences */
	int warnings_n;
	struct arena memory;
};

/* fails: ERR_CONFIG; f lists every problem, one a line, as far as there is room:
 * "pawl.yaml:7:5: chains.mainnet.pol_ms: no such key; did you mean poll_ms?" */
NODISCARD enum err config_load(struct config **ret, const char *path, struct fail *f);

/* The same of a text in memory. path names it in messages and gives the folder; env is
 * an environment ("NAME=value", ended by NULL). */
NODISCARD enum err config_parse(struct config **ret, const char *text, size_t len,
    const char *path, char *const *env, struct fail *f);
void config_free(struct config *c);

/* By name, ready to use: endpoints given as env:VAR are looked up now. An unknown name
 * gives ERR_CONFIG and the nearest one. */
NODISCARD enum err config_chain(
    struct config *c, const char *name, const struct chain_config **ret, struct fail *f);
NODISCARD enum err config_key(const struct config *c, const char *name,
    const struct key_config **ret, struct fail *f);

/* Each key that the second says otherwise, by its path: "chains.main.poll_ms". */
void config_changes(const struct config *before, const struct config *now,
    void (*each)(void *ctx, const char *path), void *ctx);

bool config_name_valid(const char *name); /* [a-z0-9_-]{1,32} */

/* path as the config means it: below its folder unless absolute. mem_free() it. */
char *config_path(const struct config *c, const char *path);

void config_example(struct buf *out);   /* the file that `pawl init` writes */
void config_reference(struct buf *out); /* all keys, for `pawl help config` */

#endif
