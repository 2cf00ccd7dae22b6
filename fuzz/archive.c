/* An archive that a former life left: gzip, lines of JSON, their rows. */
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "fuzz.h"
#include "journal/archive_in.h"
#include "journal/files.h"

static const uint8_t *bytes;
static size_t bytes_len;

static int64_t read_bytes(const char *path, int64_t at, void *to, size_t len)
{
	size_t left = (uint64_t)at < bytes_len ? bytes_len - (size_t)at : 0;

	(void)path;
	if (len > left)
		len = left;
	if (len)
		memcpy(to, bytes + at, len);
	return (int64_t)len;
}

/* Of what is whole, each line is one; it is read as an event, too, whatever it is. */
static void lines_read(struct archive_reader *r)
{
	struct events events;
	const char *text = "";
	size_t len = 0;
	int64_t id, commit_no;

	events_init(&events);
	while (archive_reader_next(r, &text, &len, NULL) == ERR_OK && text) {
		json_t *line = json_read(text, len, NULL);

		if (line && archive_event_read(line, &id, &commit_no, &events) &&
		    !events.n)
			abort();
		json_decref(line);
		events_truncate(&events, 0);
	}
	events_release(&events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct journal_files files = *journal_files;
	const struct journal_files *system = journal_files;
	struct archive_reader *r;

	bytes = data;
	bytes_len = len;
	files.read = read_bytes;
	journal_files = &files;
	r = archive_reader_new("archive");
	lines_read(r);
	archive_reader_free(r);
	journal_files = system;
	return 0;
}
