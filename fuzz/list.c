/* A list of payments, CSV or JSON: the first byte chooses the rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "kinds/airdrop/list.h"

static int file = -1;
static char path[32];

struct seen {
	int64_t rows, line;
	struct amount total;
};

static enum err see(void *ctx, const struct list_row *row, struct fail *f)
{
	struct seen *s = ctx;

	(void)f;
	CHECK(row->row == s->rows + 1 && row->line >= s->line);
	CHECK(!amount_is_zero(&row->amount));
	CHECK(row->memo ? row->memo_len && row->memo_len <= LIST_MEMO_BYTES_MAX
			: !row->memo_len);
	CHECK(amount_add(&s->total, &s->total, &row->amount));
	s->rows++;
	s->line = row->line;
	return ERR_OK;
}

static void put(const uint8_t *data, size_t size)
{
	if (file < 0) {
		file = memfd_create("list", MFD_CLOEXEC);
		CHECK(file >= 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	}
	CHECK(!ftruncate(file, 0));
	CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
}

static void check_problems(const struct list_problems *p, const struct fail *f)
{
	CHECK(f->why[0]);
	fuzz_check_text(f->why, sizeof f->why);
	CHECK(p->n <= LIST_PROBLEMS_MAX);
	for (int64_t i = 0; i < p->n; i++)
		fuzz_check_text(p->at[i].text, strlen(p->at[i].text) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_byte(&data, &size);
	struct list_rules rules = { .decimals = how & 1 ? 18 : 6,
		.base_units = how & 2,
		.token = how & 4,
		.judge = how & 8,
		.allow_duplicates = how & 16,
		.allow_self = how & 32,
		.sender = { { 0x11 } },
		.token_address = { { 0x22 } } };
	struct list_problems problems = { 0 };
	struct list_sum sum, again;
	struct seen seen = { 0 }, twice = { 0 };
	struct fail f = { 0 };

	put(data, size);
	if (list_read(&sum, &problems, path, &rules, see, &seen, &f)) {
		check_problems(&problems, &f);
	} else {
		CHECK(sum.rows == seen.rows && sum.rows > 0);
		CHECK(!amount_cmp(&sum.total, &seen.total));
		rules.judge = false;
		CHECK(!list_read(&again, NULL, path, &rules, see, &twice, &f));
		CHECK(again.rows == sum.rows &&
		    !memcmp(again.file_hash, sum.file_hash, sizeof sum.file_hash));
	}
	list_problems_release(&problems);
	return 0;
}
