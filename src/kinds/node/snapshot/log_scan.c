/* Where the blocks of a text begin and end. Both lines have one word in common, and all
 * that is done to most bytes is to look for it. */
#include <string.h>

#include "base/mem.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v1.h"

#define PIECE ((size_t)4 << 20)
#define WORD "SNAPSHOT"
#define WORD_LEN 8
#define BEFORE 5                   /* "\nEND_" */
#define BEHIND 5                   /* " v1\r\n" */
#define AROUND (WORD_LEN + BEHIND) /* a header, behind an end without line feed */

#define NOWHERE UINT64_MAX

struct scan {
	struct l2_log *log;
	uint64_t from, to; /* what is looked at */
	uint64_t open;     /* where the open block begins */
	bool glued;
	uint64_t told; /* below it each byte is in a block, or in a damage */
	uint8_t skip[256];
	bool begins;  /* a line does with the first byte */
	bool at_end;  /* no byte is behind the piece */
	size_t piece; /* bytes read at once */
};

static void skips_init(uint8_t skip[256])
{
	memset(skip, WORD_LEN, 256);
	for (uint8_t i = 0; i < WORD_LEN - 1; i++)
		skip[(uint8_t)WORD[i]] = (uint8_t)(WORD_LEN - 1 - i);
}

/* The word's next place from `at` on, or n. */
static size_t find_word(const struct scan *s, const char *bytes, size_t at, size_t n)
{
	while (at + WORD_LEN <= n) {
		uint8_t last = (uint8_t)bytes[at + WORD_LEN - 1];

		if (last == 'T' && memcmp(bytes + at, WORD, WORD_LEN) == 0)
			return at;
		at += s->skip[last];
	}
	return n;
}

/* What fills sectors behind a block: a line of spaces, or of zeros, or both. */
bool log_is_fill(const struct l2_log *log, uint64_t from, uint64_t to)
{
	char bytes[2 * L2_SECTOR + 1];
	size_t n = 0, i = 0;

	if (to - from > sizeof bytes ||
	    log->files->read(log->file, from, bytes, to - from, &n, NULL))
		return false;
	while (i < n && (bytes[i] == ' ' || bytes[i] == '\n' || !bytes[i]))
		i++;
	return i == to - from;
}

/* What lies before is of a block whose header is below the end that is looked at. */
static bool is_cut(const struct scan *s)
{
	return s->log->from && s->told == s->log->from;
}

static void on_header(struct scan *s, uint64_t at, bool glued)
{
	if (s->open != NOWHERE)
		log_add_damage(s->log, L2_INCOMPLETE, s->open, at);
	else if (at > s->told && !is_cut(s) && !log_is_fill(s->log, s->told, at))
		log_add_damage(s->log, L2_STRAY, s->told, at);
	s->open = s->told = at;
	s->glued = glued;
}

static void on_end(struct scan *s, uint64_t end)
{
	if (s->open == NOWHERE)
		return;
	log_add_block(s->log,
	    (struct l2_block){
		.offset = s->open, .len = end - s->open, .glued = s->glued });
	s->told = end;
	s->open = NOWHERE;
}

/* What follows the word: as many bytes as there are, a line's end at the file's end. */
static bool follows(const struct scan *s, const char *p, size_t left, const char *text)
{
	size_t len = strlen(text);

	if (left >= len)
		return memcmp(p, text, len) == 0;
	return s->at_end && left + 1 == len && memcmp(p, text, left) == 0;
}

/* The end of a block may lack its line feed where another one's header follows, too. */
static bool ends(const struct scan *s, const char *behind, size_t left)
{
	return follows(s, behind, left, "\n") ||
	    (left >= WORD_LEN + BEHIND - 1 &&
		memcmp(behind, V1_HEADER, WORD_LEN + BEHIND - 1) == 0);
}

/* base: of the piece's first byte. */
static void on_word(struct scan *s, const char *piece, size_t at, size_t n, uint64_t base)
{
	const char *behind = piece + at + WORD_LEN;
	size_t left = n - at - WORD_LEN;
	bool first = s->begins && base == s->from;
	bool line = at ? piece[at - 1] == '\n' : first;

	if (s->log->word < base + at)
		s->log->word = base + at;
	if (follows(s, behind, left, " v1\n")) {
		on_header(s, base + at, !line);
	} else if (follows(s, behind, left, " v1\r\n")) {
		log_add_damage(s->log, L2_CRLF, base + at, base + at + 13);
	} else if (at >= 4 && memcmp(piece + at - 4, "END_", 4) == 0 &&
	    (at == 4 ? first : piece[at - 5] == '\n') && ends(s, behind, left)) {
		on_end(s, base + at + WORD_LEN + (left && *behind == '\n'));
	}
}

/* A piece overlaps the one before it, so that no line is cut: a word is looked at where
 * all around it is there. */
static enum err scan_pieces(struct scan *s, char *bytes, struct fail *f)
{
	struct l2_log *log = s->log;
	uint64_t base = s->from;
	size_t from = 0, had = 0;

	for (;;) {
		size_t n, at;
		enum err e = log->files->read(
		    log->file, base + had, bytes + had, s->piece - had, &n, f);

		if (e)
			return e;
		n += had;
		/* It may grow or be cut meanwhile: this is the log as it was, or less. */
		if (n < s->piece && base + n < log->size)
			log->size = base + n;
		if (s->to > log->size)
			s->to = log->size > base ? log->size : base;
		if (n > s->to - base)
			n = (size_t)(s->to - base);
		s->at_end = base + n == s->to;
		if (!s->at_end)
			log->files->soon(log->file, base + n, 2 * s->piece);
		for (at = from; (at = find_word(s, bytes, at, n)) < n; at++) {
			if (!s->at_end && n - at < WORD_LEN + AROUND)
				break;
			on_word(s, bytes, at, n, base);
		}
		if (s->at_end)
			return ERR_OK;
		had = WORD_LEN + BEFORE + AROUND;
		/* What is kept was looked at up to where the rest of a line may be
		 * missing. */
		from = had - WORD_LEN - AROUND + 1;
		memmove(bytes, bytes + n - had, had);
		base += n - had;
	}
}

enum err log_scan_v1(struct l2_log *log, uint64_t from, uint64_t to, struct fail *f)
{
	struct scan s = { .log = log,
		.from = from,
		.to = to,
		.begins = !from || from != log->from,
		.open = NOWHERE,
		.told = from };
	char *bytes;
	enum err e;

	s.piece = to - from < PIECE ? (size_t)(to - from) : PIECE;
	s.piece += 2 * L2_SECTOR; /* a line that is cut is looked at again */
	bytes = mem_array(s.piece, 1);
	skips_init(s.skip);
	e = scan_pieces(&s, bytes, f);
	mem_free(bytes);
	if (e)
		return e;
	if (s.open != NOWHERE)
		log_add_damage(
		    log, s.to < log->size ? L2_INCOMPLETE : L2_TORN_TAIL, s.open, s.to);
	else if (s.to > s.told && !log_is_fill(log, s.told, s.to))
		log_add_damage(
		    log, s.to < log->size ? L2_STRAY : L2_TORN_TAIL, s.told, s.to);
	return ERR_OK;
}
