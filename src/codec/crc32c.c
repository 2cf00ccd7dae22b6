#include "codec/crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* of the bits in reverse */

/* Eight bytes a step: tables[k] is the sum of a byte with k zeros behind it. */
static uint32_t tables[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t sum = byte;

		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
		tables[0][byte] = sum;
	}
	for (int k = 1; k < 8; k++)
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t before = tables[k - 1][byte];

			tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
		}
}

static uint32_t by_tables(uint32_t sum, const uint8_t *p, size_t len)
{
	pthread_once(&once, make_tables);
	for (; len >= 8; len -= 8, p += 8) {
		uint32_t low = sum ^
		    ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			(uint32_t)p[3] << 24);

		sum = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^
		    tables[5][low >> 16 & 0xff] ^ tables[4][low >> 24] ^ tables[3][p[4]] ^
		    tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
	}
	for (; len; len--, p++)
		sum = sum >> 8 ^ tables[0][(sum ^ *p) & 0xff];
	return sum;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_processor(
    uint32_t sum, const uint8_t *p, size_t len)
{
	uint64_t wide = sum, eight;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&eight, p, 8);
		wide = __builtin_ia32_crc32di(wide, eight);
	}
	sum = (uint32_t)wide;
	for (; len; len--, p++)
		sum = __builtin_ia32_crc32qi(sum, *p);
	return sum;
}
#endif

uint32_t crc32c(const void *data, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_processor(0xffffffffu, data, len);
#endif
	return ~by_tables(0xffffffffu, data, len);
}

uint32_t crc32c_by_tables(const void *data, size_t len)
{
	return ~by_tables(0xffffffffu, data, len);
}
