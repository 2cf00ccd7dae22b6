/* wal.h - does SQLite read all that was once synced in a -wal?
 *
 * It reads frames as long as their checksums chain, and takes what comes behind the
 * first that does not for never written. One transaction may be torn like that: the
 * last, whose sync did not end. Each of ours is synced before the next begins, so a
 * transaction that follows another behind the end proves that synced ones are lost.
 *
 * What it can't see: the loss of the last transaction alone, and of all frames from some
 * place to the end. What is missing whole leaves no trace. Nor, of one that holds nothing
 * whole and began from nothing, what database that was on.
 */
#ifndef PAWL_JOURNAL_WAL_H
#define PAWL_JOURNAL_WAL_H

#include <stdbool.h>
#include <stdint.h>

struct wal {
	bool (*read)(void *ctx, void *to, int len, int64_t at); /* all of it */
	void *ctx;
	int64_t size;
	uint32_t page_size; /* of the database */
};

enum wal_state {
	WAL_WHOLE,
	WAL_CUT,      /* synced transactions are behind a frame that is damaged */
	WAL_HEADLESS, /* the header is damaged: nothing of it is read */
	WAL_ANEW,     /* it has begun, and holds nothing whole */
	WAL_UNREAD    /* a read failed: nobody knows */
};

struct wal_told {
	/* Where the last committed image of the page begins behind what is read, -1:
	 * nowhere. Is it the one that the database has, all had been moved there, and a
	 * power cut tore what was being written over it: nothing is lost. Of one that
	 * began anew it is where an image is that the database had before, if not a
	 * later one. */
	int64_t image;
	/* SQLite's number of it, the header's first salt: one more each time that it
	 * begins anew, which is when all that it held is in the database. */
	uint32_t age;
	bool first; /* it began from nothing: its number is any */
};

/* page: one that every transaction writes. What is told is of no meaning if it is whole,
 * and age and first are where the header is damaged. */
enum wal_state wal_check(const struct wal *w, uint32_t page, struct wal_told *ret);

/* The number in the header, as long as nobody writes it. false: it can't be read. */
bool wal_age(const struct wal *w, uint32_t *ret);

#endif
