/* nearest.h - what a person who mistyped a word may have meant. */
#ifndef PAWL_BASE_NEAREST_H
#define PAWL_BASE_NEAREST_H

/* Letters to add, drop, change or swap with their neighbour to get from a to b,
 * whatever their case. Words longer than 63 letters are compared by their first 63. */
int nearest_distance(const char *a, const char *b);

/* Offer candidates one by one; what is kept in `best` is the nearest one that is near
 * enough to be worth saying. Begin with all zero. */
struct nearest {
	const char *best;
	int distance;
};

void nearest_add(struct nearest *n, const char *word, const char *candidate);

#endif
