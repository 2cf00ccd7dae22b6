/* archive_in.h - the lines of an archive, how they are written, and read. For the
 * archive's files alone.
 *
 * A line is an object: `of`, what it is a row of, and its columns by their names. Bytes
 * are {"hex": ..}, a text that is no UTF-8 {"text": hex}, so that each comes back as it
 * was.
 */
#ifndef PAWL_JOURNAL_ARCHIVE_IN_H
#define PAWL_JOURNAL_ARCHIVE_IN_H

#include <jansson.h>

#include "crypto/sha256.h"
#include "journal/archive.h"
#include "journal/inside.h"

#define ARCHIVE_SCHEMA 24 /* the migration that knows archives */
#define ARCHIVE_LINE_MAX ((size_t)4 << 20)

enum archive_span { SPAN_NONE, SPAN_ROWS, SPAN_COMMITS, SPAN_EVENTS, SPAN_CHANGES };

/* What is in a file, in its order. */
struct archive_part {
	const char *of;
	enum sql get;
	int put; /* enum sql; -1: it stays in the journal, and is told to be read alone */
	enum archive_span span;
};

#define ARCHIVE_PARTS 9
#define ARCHIVE_EVENTS 8 /* which of them the events are: behind what they tell of */
extern const struct archive_part archive_parts[ARCHIVE_PARTS];

/* The same of transactions that are followed no more, which an archive was given. */
#define ARCHIVE_TRACK_PARTS 3
extern const struct archive_part archive_track_parts[ARCHIVE_TRACK_PARTS];

/* The same of changes of a layer 2. */
#define ARCHIVE_CHANGE_PARTS 2
extern const struct archive_part archive_change_parts[ARCHIVE_CHANGE_PARTS];

/* Whose rows an archive holds. */
struct archive_subject {
	struct journal *j;
	enum archive_what what;
	int64_t id;
	const struct archive_part *parts;
	int parts_n;
	int64_t commit_no;   /* of an operation: that of its last link */
	int64_t first, last; /* of changes, */
	uint8_t before[32];  /* and SHA-256 over those before them */
	/* The last link of an operation; SHA-256 over all changes up to the last. */
	uint8_t link[32];
};

/* -- archive_changes.c ----------------------------------------------------- */

/* Which they are, and what they are held against. false: there is no such row. */
bool archive_changes_find(struct archive_subject *of);
void archive_changes_put(const struct archive_subject *of, const struct archived *made);
/* A line of the next change: link goes on by it. false: it is no such line. */
bool archive_change_see(const json_t *line, int64_t *no, uint8_t link[32]);

/* -- archive_lines.c ------------------------------------------------------- */

/* Rows of a part from first to last, as lines; how many. */
int64_t archive_rows_add(struct journal *j, struct buf *to,
    const struct archive_part *part, int64_t operation, int64_t first, int64_t last);
/* A line of a part that can be put. false: it is none. */
bool archive_row_put(
    struct journal *j, const struct archive_part *part, const json_t *line);
/* An event as a line has it, noted behind those of ret. */
bool archive_event_read(
    const json_t *line, int64_t *ret_id, int64_t *ret_commit_no, struct events *ret);

/* -- archive_write.c: into a file that is there; of and path are borrowed --- */

struct archive_writer;
struct archive_writer *archive_writer_new(
    const struct archive_subject *of, const char *path);
void archive_writer_free(struct archive_writer *w);
/* About *left rows more, taken off it. done: all is written, and synced. fails:
 * DISK_FULL, JOURNAL. */
NODISCARD enum err archive_writer_some(
    struct archive_writer *w, int64_t *left, bool *ret_done, struct fail *f);
/* Of one that is done: of the text, as archive_reader_sum. */
void archive_writer_sum(const struct archive_writer *w, uint8_t out[32]);

/* -- archive_back.c: all of it again, held against the journal -------------- */

/* sum: of the text that was written; NULL: it is known by its end and its events. All is
 * borrowed. */
struct archive_back;
struct archive_back *archive_back_new(
    const struct archive_subject *of, const char *path, const uint8_t *sum);
void archive_back_free(struct archive_back *b);
/* About *left lines more, taken off it. done: all were. fails: DAMAGED, with what is
 * unlike; JOURNAL (can't be read). */
NODISCARD enum err archive_back_some(struct archive_back *b, int64_t *left,
    bool *ret_done, const char **ret_unlike, struct fail *f);

/* -- archive_read.c -------------------------------------------------------- */

/* A file, read line by line. */
struct archive_reader;
struct archive_reader *archive_reader_new(const char *path);
void archive_reader_free(struct archive_reader *r);
/* The text of the next line without its end; NULL: there is none any more. fails:
 * DAMAGED (no gzip, cut, a line without end), JOURNAL (can't be read) */
NODISCARD enum err archive_reader_next(
    struct archive_reader *r, const char **ret, size_t *ret_len, struct fail *f);
/* Behind the last line: of all lines, with their ends. */
void archive_reader_sum(struct archive_reader *r, uint8_t out[32]);

/* Where it is. */
void archive_path_of(
    const struct journal *j, const struct archived *a, char out[NAME_SIZE]);
/* Is it there, and what was journaled? Where it is. fails: as archive_check. */
NODISCARD enum err archive_check_file(
    struct journal *j, const struct archived *a, char path[NAME_SIZE], struct fail *f);
/* SHA-256 of a file, and its size; false: it can't be read. */
bool archive_file_sum(const char *path, uint8_t out[32], int64_t *ret_size);

/* What its event in the journal's own chain says. */
#define ARCHIVE_WHY_MAX 240
void archive_why(char out[ARCHIVE_WHY_MAX], const uint8_t sum[32], const uint8_t link[32],
    int64_t commit_no);

#endif
