/* nearest.h - what a person who mistyped a word may have meant. */
#ifndef PAWL_BASE_NEAREST_H
#define PAWL_BASE_NEAREST_H

/* Offer candidates one by one; what is kept in `best` is the nearest one that is near
 * enough to be worth saying. Begin with all zero. */
struct nearest {
	const char *best;
	int distance; /* letters to add, drop, change or swap with their neighbour to get
			 there, whatever their case; of the first 63 */
};

void nearest_add(struct nearest *n, const char *word, const char *candidate);

#endif
