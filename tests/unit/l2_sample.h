/* l2_sample.h - states for the tests of snapshots: the one of the golden vectors, and any
 * number of others.
 */
#ifndef PAWL_TESTS_UNIT_L2_SAMPLE_H
#define PAWL_TESTS_UNIT_L2_SAMPLE_H

#include "kinds/node/snapshot/state.h"

#define SAMPLE_ROOT "fe8edd9032df9ef412738c3a4ed7d188e9e5012257340a359b40808dc7ccbf42"
#define SAMPLE_ANCHOR "6fd156f54d8f9666007ab8ae3a0582bd75f485beae1c5497132e041b06b08150"
#define EMPTY_ROOT "c8113438d69a00d3e8efc6ce769d3bfe325b498060fb9a2070a38456b00a0005"

/* The state of ok.dat in the order of that file, without its anchor. */
void sample_add(struct l2_state *s);
/* The same with anchor, as ok.dat has it. */
void sample_anchor(struct l2_state *s);

uint64_t sample_dice(uint64_t *seed, uint64_t below);

/* Up to n records a list: texts of no byte up to as many as a change may have, of which
 * some have quotes, backslashes, UTF-8 and zeros; numbers small and as large as can
 * be. Ids differ, and have neither colons nor line feeds. */
void sample_any(struct l2_state *s, uint64_t *seed, size_t n);

/* Are they the same, record by record? */
bool sample_same(const struct l2_state *a, const struct l2_state *b);

#endif
