#include "base/nearest.h"

#include <stdbool.h>
#include <string.h>

#define WORD_MAX 63

static int least(int a, int b)
{
	return a < b ? a : b;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b)
{
	return lower(a) == lower(b);
}

/* Optimal string alignment: three rows of the table are enough for swaps. */
static int distance_of(const char *a, const char *b)
{
	int rows[3][WORD_MAX + 1];
	int *before = rows[0], *above = rows[1], *now = rows[2];
	size_t a_len = strnlen(a, WORD_MAX), b_len = strnlen(b, WORD_MAX);

	for (size_t j = 0; j <= b_len; j++)
		now[j] = (int)j;
	for (size_t i = 1; i <= a_len; i++) {
		int *spare = before;

		before = above;
		above = now;
		now = spare;
		now[0] = (int)i;
		for (size_t j = 1; j <= b_len; j++) {
			int cost = !same(a[i - 1], b[j - 1]);

			now[j] = least(above[j], now[j - 1]) + 1;
			now[j] = least(now[j], above[j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return now[b_len];
}

void nearest_add(struct nearest *n, const char *word, const char *candidate)
{
	int distance = distance_of(word, candidate);
	int worth = (int)strnlen(candidate, WORD_MAX) / 3 + 1;

	if (distance > worth || (n->best && distance >= n->distance))
		return;
	n->best = candidate;
	n->distance = distance;
}
