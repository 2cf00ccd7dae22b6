/* Changes of the state of a layer 2, and whole states, a line each: the first byte
 * chooses which. What is taken is written down, and read again as the same. */
#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "kinds/node/state/change.h"
#include "kinds/node/state/dump.h"

#define OUT_MAX ((size_t)1024 * 1024)

static void text_check(struct l2_bytes text, size_t max)
{
	CHECK(text.len <= max);
	CHECK(!change_is_ambiguous(text));
}

static void one_change(const char *line, size_t len)
{
	struct fail f = { 0 };
	struct change c, again;
	struct buf out, twice;

	buf_init(&out, OUT_MAX);
	buf_init(&twice, OUT_MAX);
	if (change_parse(&c, line, len, &f)) {
		CHECK(f.why[0]);
		fuzz_check_text(f.why, sizeof f.why);
	} else {
		text_check(c.peer, CHANGE_PEER_MAX);
		text_check(c.from, CHANGE_PEER_MAX);
		text_check(c.task, CHANGE_TEXT_MAX);
		text_check(c.dest, CHANGE_TEXT_MAX);
		CHECK(c.id.len <= CHANGE_ID_MAX && c.at_ms >= 0);
		change_format(&out, &c, true);
		CHECK(buf_ok(&out));
		CHECK(!change_parse(&again, buf_text(&out), out.len, &f));
		change_format(&twice, &again, true);
		CHECK(out.len == twice.len && !memcmp(out.data, twice.data, out.len));
		change_release(&again);
	}
	change_release(&c);
	buf_release(&out);
	buf_release(&twice);
}

static enum err lines_read(
    struct dump_reader *r, const char *text, size_t len, struct fail *f)
{
	const char *end = text + len;
	enum err e = ERR_OK;

	while (text < end && e == ERR_OK) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = stop ? (size_t)(stop - text) : (size_t)(end - text);

		e = dump_reader_line(r, text, n, f);
		text += n + 1;
	}
	return e == ERR_OK ? dump_reader_end(r, f) : e;
}

static void write_all(struct buf *out, const struct l2_state *s)
{
	struct dump_head head = { .timestamp_ms = s->timestamp_ms, .has_root = true };

	l2_state_root(s, head.root);
	for (int i = 0; i < L2_LISTS; i++)
		head.n[i] = l2_state_n(s, (enum l2_list)i);
	dump_head_format(out, &head);
	for (int i = 0; i < L2_LISTS; i++)
		for (size_t k = 0; k < head.n[i]; k++)
			dump_record_format(
			    out, (enum l2_list)i, l2_state_at(s, (enum l2_list)i, k));
}

static void one_state(const char *text, size_t len)
{
	struct l2_state s, again;
	struct dump_reader r;
	struct fail f = { 0 };
	struct buf out;
	char root[L2_HEX];

	l2_state_init(&s);
	l2_state_init(&again);
	buf_init(&out, 16 * OUT_MAX);
	dump_reader_init(&r, &s);
	if (lines_read(&r, text, len, &f)) {
		CHECK(f.why[0]);
		fuzz_check_text(f.why, sizeof f.why);
	} else {
		write_all(&out, &s);
		CHECK(buf_ok(&out));
		dump_reader_init(&r, &again);
		CHECK(!lines_read(&r, buf_text(&out), out.len, &f));
		l2_state_root(&again, root);
		CHECK(!strcmp(root, r.head.root));
	}
	buf_release(&out);
	l2_state_release(&s);
	l2_state_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_byte(&data, &size);

	if (how & 1)
		one_change((const char *)data, size);
	else
		one_state((const char *)data, size);
	return 0;
}
