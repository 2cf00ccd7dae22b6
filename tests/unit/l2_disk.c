#include "l2_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"

#define FILE_MAX ((size_t)1 << 20)

struct sim_disk *l2_disk;
struct sim_disk_process l2_user = { .id = 1 };
static void *region;

int l2_disk_begin(void **state)
{
	(void)state;
	region = mmap(NULL, sim_disk_size(FILE_MAX), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(region, MAP_FAILED);
	l2_disk_clear();
	return 0;
}

void l2_disk_clear(void)
{
	l2_disk = sim_disk_format(region, FILE_MAX, 7);
	l2_user.disk = l2_disk;
	sim_disk_use(&l2_user);
}

/* -- who dies ------------------------------------------------------------------------ */

#define HEAP ((size_t)64 << 20)
static _Alignas(16) char heap[HEAP];
static size_t heap_used;
static jmp_buf alive;

static void *heap_take(size_t size)
{
	size_t *at = (size_t *)(void *)(heap + heap_used);

	CHECK(heap_used + size + 32 < HEAP);
	*at = size;
	heap_used += (size + 31) / 16 * 16;
	return at + 2;
}

static void *heap_resize(void *p, size_t size)
{
	size_t had = ((size_t *)p)[-2];
	void *ret = heap_take(size);

	memcpy(ret, p, had < size ? had : size);
	return ret;
}

static void heap_give_back(void *p)
{
	(void)p;
}

static void die(void *ctx)
{
	(void)ctx;
	longjmp(alive, 1);
}

bool l2_dies(void (*deed)(void), int64_t op, unsigned round)
{
	static const struct mem_source source = { heap_take, heap_resize,
		heap_give_back };
	volatile bool died = true;

	heap_used = 0;
	mem_source_set(&source);
	l2_user.die = die;
	if (!setjmp(alive)) {
		sim_disk_die_at(l2_disk, op);
		deed();
		died = false;
	}
	sim_disk_die_at(l2_disk, 0);
	l2_user.die = NULL;
	mem_source_set(NULL);
	if (round % 4 != 3)
		sim_disk_lose_power(l2_disk, SIM_LOSE_DRAWN);
	else
		sim_disk_process_end(&l2_user);
	return died;
}

/* -- files ----------------------------------------------------------------------------
 */

void l2_put(const char *path, const void *bytes, size_t len)
{
	const struct files *files = &sim_disk_files;
	struct file *file;

	assert_int_equal(files->open(&file, path, FILE_WRITE, NULL), ERR_OK);
	assert_int_equal(files->cut(file, 0, NULL), ERR_OK);
	if (len)
		assert_int_equal(files->write(file, 0, bytes, len, NULL), ERR_OK);
	assert_int_equal(files->sync(file, NULL), ERR_OK);
	assert_int_equal(files->sync_folder(path, NULL), ERR_OK);
	files->close(file);
}

char *l2_get(const char *path, size_t *ret_len)
{
	const struct files *files = &sim_disk_files;
	struct file *file;
	uint64_t size;
	char *bytes;

	*ret_len = 0;
	if (files->open(&file, path, FILE_READ, NULL))
		return mem_new(1);
	assert_int_equal(files->size(file, &size, NULL), ERR_OK);
	bytes = mem_array(size + 1, 1);
	assert_int_equal(files->read(file, 0, bytes, size, ret_len, NULL), ERR_OK);
	files->close(file);
	return bytes;
}

void l2_grow(const char *path, int version, uint64_t balances, char root[L2_HEX])
{
	struct l2_append how = { .version = version, .metadata = l2_text("m") };
	struct l2_state s;
	struct fail f = { 0 };

	l2_state_init(&s);
	s.timestamp_ms = 1000 + balances;
	for (uint64_t i = 0; i < balances; i++) {
		char id[40];
		struct l2_balance one;

		snprintf(id, sizeof id, "peer-%llu", (unsigned long long)i);
		one = (struct l2_balance){ l2_text(id), balances * 7 + i };
		l2_state_add(&s, L2_BALANCES, &one);
	}
	l2_state_root(&s, root);
	how.anchored_ms = 5000 + balances;
	/* Either way it is the same file. */
	how.anchor = balances % 2;
	if (!how.anchor)
		assert_int_equal(
		    l2_state_anchor(&s, root, how.anchored_ms, l2_text("m"), NULL),
		    ERR_OK);
	if (l2_log_append(&sim_disk_files, path, &s, &how, &f))
		fail_msg("append: %s", f.why);
	l2_state_release(&s);
}

static void count(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	struct l2_found *ret = ctx;

	(void)block;
	assert_int_not_equal(v->fault, L2_HOLDS);
	assert_true(v->why[0]);
	ret->failed++;
}

void l2_find_from_the_end(const char *path, const struct l2_found *found)
{
	struct l2_demand demand = { .anchor_needed = true };
	uint64_t least[] = { 7, 5000, 9000 }, before = l2_log_end_least;
	struct l2_end end;

	for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
		l2_log_end_least = least[i];
		assert_int_equal(
		    l2_log_end(&end, &sim_disk_files, path, &demand, L2_END_ALL, NULL),
		    ERR_OK);
		assert_int_equal(end.block.len, found->block.len);
		assert_int_equal(end.failed, found->failed);
		if (!found->block.len)
			continue;
		assert_int_equal(end.block.offset, found->block.offset);
		assert_string_equal(end.verdict.root, found->root);
	}
	l2_log_end_least = before;
}

struct l2_found l2_find(const char *path)
{
	static unsigned finds;
	struct l2_demand demand = { .anchor_needed = true };
	struct l2_found ret = { 0 };
	struct l2_verdict v;
	struct l2_log *log;
	struct fail f = { 0 };

	if (l2_log_open(&log, &sim_disk_files, path, &f))
		return ret;
	if (l2_log_newest(log, &demand, &ret.block, &v, count, &ret, &f))
		fail_msg("newest: %s", f.why);
	if (ret.block.len)
		memcpy(ret.root, v.root, L2_HEX);
	assert_int_equal(l2_log_survey(log, &f), ERR_OK);
	ret.damages = l2_log_damages(log);
	ret.blocks = l2_log_n(log);
	l2_log_close(log);
	if (++finds % 8 == 0)
		l2_find_from_the_end(path, &ret);
	return ret;
}

static bool is_line(const char *line, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(line, text, len) == 0;
}

bool l2_older_reader(struct buf *ret, const char *bytes, size_t len)
{
	struct buf open;
	bool in = false, found = false;

	buf_init(&open, SIZE_MAX / 2);
	for (size_t at = 0, n; at < len; at += n + 1) {
		const char *line = bytes + at, *end = memchr(line, '\n', len - at);

		n = end ? (size_t)(end - line) : len - at;
		if (is_line(line, n, "SNAPSHOT v1")) {
			buf_clear(&open);
			in = true;
		}
		if (!in)
			continue;
		buf_add(&open, line, n);
		buf_add_byte(&open, '\n');
		if (is_line(line, n, "END_SNAPSHOT")) {
			buf_clear(ret);
			buf_add(ret, open.data, open.len);
			in = false;
			found = true;
		}
	}
	buf_release(&open);
	return found;
}
