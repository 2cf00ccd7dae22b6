/* judge.h - what a transaction is that no attempt of this journal knows.
 *
 *   forgotten  its intent is here, and the same payload: an attempt that was lost
 *   adopted    its tag names an item that this nonce was not given to, or was given to it
 *              in a life that is lost: it is that item's payment from here on
 *   suspect    it pays an item, or a service fee that is due, and carries no tag of its
 *   foreign    it pays none of our items
 *
 * Forgotten and adopted ones become attempts of this journal, without their bytes: from
 * here on they are followed, settled and replaced as all others are. They say that this
 * journal is old, or not the only one.
 */
#ifndef PAWL_ENGINE_JUDGE_H
#define PAWL_ENGINE_JUDGE_H

#include "engine/claim.h"

bool payload_same(const struct payload *x, const struct payload *y);

/* It was foreign, and pays an item that came later. */
void stranger_suspect(
    struct runner *r, struct account *a, const struct stranger *s, const struct claim *c);

/* A quorum read it whole and alike, in a block of the trail. */
void stranger_judge(struct runner *r, struct account *a, const struct stranger *s);

#endif
