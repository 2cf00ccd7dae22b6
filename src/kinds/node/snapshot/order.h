/* order.h - millions of texts sorted byte by byte, in place.
 *
 * An entry is 16 bytes: where its text is (ref), and 8 bytes of that text as a number,
 * so that most is decided without a look at the text. Radix sort on those 8 bytes, the
 * next 8 where they are equal, and comparison of whole texts where few are left, or
 * where texts are equal for long. Recursion is bounded whatever the texts are.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_ORDER_H
#define PAWL_KINDS_NODE_SNAPSHOT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order {
	uint64_t key, ref;
};

struct order_by {
	/* Bytes of the text from `from` on, up to 8, the first one highest, zeros behind
	 * its end. */
	uint64_t (*key)(void *ctx, uint64_t ref, size_t from);
	int (*compare)(void *ctx, uint64_t a, uint64_t b); /* of whole texts */
	void *ctx;
};

/* The 8 bytes of a text, or what it has of them. */
uint64_t order_key(const char *text, size_t len, size_t from);

/* Keys are those from `from` on; all texts are equal below it. Equal texts are in the
 * order of their refs. What is sorted already costs one pass. */
void order_sort(struct order *at, size_t n, size_t from, const struct order_by *by);

/* The first entry of a sorted array whose text the one before it has, too; n: none. */
size_t order_twice(const struct order *at, size_t n, const struct order_by *by);

#endif
