/* watcher.h - a follower that watches a scene (scene.h), for the tests of what follows:
 * who looks, what it was told, and what must hold of that at any time. One at a time:
 * `begin` makes it, `end` is each test's teardown. What fails, fails the test.
 */
#ifndef PAWL_TESTS_WATCHER_H
#define PAWL_TESTS_WATCHER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "journal/sql.gen.h"
#include "scene.h"
#include "teller.h"

extern struct scene scene;
extern struct pool *pool;
extern struct follower *eye; /* NULL: nobody looks */
extern const struct connector *connector;
extern struct follower_told told_by; /* from `begin` on: the teller */

/* -- a test begins, and ends ------------------------------------------------ */

void begin(uint32_t nodes, int quorum); /* nobody looks yet */
void begin_looking(uint32_t nodes, int quorum);
int end(void **state);

void look(void);
void look_away(void);
void rise(void); /* look away, and look again */

/* -- time passes ------------------------------------------------------------ */

void turn(void);
void run(int64_t ms);
void live(int blocks); /* one after the other, each seen */
void reorg(uint64_t depth, bool give_back);
void by_tag(enum sim_finality_rule rule, uint64_t n);
uint64_t spend_and_bury(void); /* a use of the key; returns the height of its block */

/* -- what is looked at ------------------------------------------------------- */

const char *waits_for(void); /* "nothing" */
uint64_t head(void);
uint64_t final(void);
bool on_chain(void); /* its head is the chain's */
const char *left_out(int node);
size_t count_told(enum tale tale, size_t from);
struct told *told_at(enum tale tale, uint64_t height);

/* Told is a walk along a chain: adopted in order, never twice but after a retraction,
 * final once and in order, each on what was adopted. The journal's trail is dense and
 * linked by hash; what is final is on the chain. */
void check_told(void);
void check_trail(void);
void check_final_is_canonical(void);
void check_all(void);

#endif
