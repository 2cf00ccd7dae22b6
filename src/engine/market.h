/* market.h - the fees of the day of a chain: what a quorum of nodes says they are.
 *
 * The nodes are asked in turn, each in its own request. Of the base fee and of the tip
 * the highest figure is taken that a quorum says at least: fewer liars than a quorum
 * can't raise it above what honest nodes say, and of 2 x quorum - 1 answers not lower it
 * below either. Nothing here is durable.
 */
#ifndef PAWL_ENGINE_MARKET_H
#define PAWL_ENGINE_MARKET_H

#include "engine/engine.h"

/* Each turn: ask the next node when it is time to. */
void market_turn(struct runner *r, struct chain_run *c);

#endif
