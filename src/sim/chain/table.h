/* table.h - what a chain finds by a key of 64 bits: a hash table in the chain's region,
 * which grows with what is in it. The link is the first member of what is kept; keys
 * may repeat, and the caller compares what he looks for. All-zero is an empty one.
 */
#ifndef PAWL_SIM_TABLE_H
#define PAWL_SIM_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct sim_chain;

struct sim_link {
	struct sim_link *next;
	uint64_t key;
};

struct sim_table {
	struct sim_link **at;
	size_t size, n;
};

uint64_t sim_table_key(const void *bytes, size_t len); /* spreads any bytes evenly */
void sim_table_add(
    struct sim_chain *c, struct sim_table *t, struct sim_link *l, uint64_t key);
/* The newest with that key, and the ones before it; NULL: no more. */
struct sim_link *sim_table_first(const struct sim_table *t, uint64_t key);
struct sim_link *sim_table_next(const struct sim_link *l);

#endif
