/* wal.h - does SQLite read all that was once synced in a -wal?
 *
 * It reads frames as long as their checksums chain, and takes what comes behind the
 * first that does not for never written. One transaction may be torn like that: the
 * last, whose sync did not end. Each of ours is synced before the next begins, so a
 * transaction that follows another behind the end proves that synced ones are lost.
 *
 * What it can't see: the loss of the last transaction alone, and of all frames from some
 * place to the end. What is missing whole leaves no trace.
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
	WAL_ANEW,     /* it began anew, and holds nothing whole */
	WAL_UNREAD    /* a read failed: nobody knows */
};

/* page: one that every transaction writes. If it is not whole, *ret_image is where its
 * last committed image begins behind what is read, -1: nowhere. Is it the one that the
 * database has, all had been moved there, and a power cut tore what was being written
 * over it: nothing is lost. Of one that began anew it is where an image is that the
 * database had before, if not a later one. */
enum wal_state wal_check(const struct wal *w, uint32_t page, int64_t *ret_image);

#endif
