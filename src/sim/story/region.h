/* region.h - the memory of one simulated process.
 *
 * While a region is in use all that mem.h, SQLite and jansson give comes from it. It goes
 * whole when its process dies, at whatever instant that is, and what is left in it when a
 * process ends by itself is a leak. Its bytes can be kept and put back, as those of a
 * machine that is set back: it stays at its address.
 */
#ifndef PAWL_SIM_REGION_H
#define PAWL_SIM_REGION_H

#include <stddef.h>

struct sim_region;

/* Once, before SQLite is used by anybody: libraries take from the region in use, and use
 * no locks. */
void sim_region_setup(void);

/* Of at most max bytes, touched only where it is used. */
struct sim_region *sim_region_new(size_t max);
void sim_region_free(struct sim_region *r);

/* NULL: the C library's memory. Returns what was in use. */
struct sim_region *sim_region_use(struct sim_region *r);

void sim_region_empty(struct sim_region *r);
size_t sim_region_pieces(const struct sim_region *r); /* taken, and not given back */

/* The bytes in use; of the same region only, any number of times. While no
 * region is in use. Freed with mem_free. */
struct sim_region_image;
struct sim_region_image *sim_region_keep(const struct sim_region *r);
void sim_region_put_back(struct sim_region *r, const struct sim_region_image *i);

#endif
