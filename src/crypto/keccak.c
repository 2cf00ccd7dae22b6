#include "crypto/keccak.h"

#include <endian.h>
#include <string.h>

#define RATE 136 /* bytes taken in between two permutations: 1600 - 2 * 256 bits */
#define LANES 25

static const uint64_t iota[24] = {
	0x0000000000000001,
	0x0000000000008082,
	0x800000000000808a,
	0x8000000080008000,
	0x000000000000808b,
	0x0000000080000001,
	0x8000000080008081,
	0x8000000000008009,
	0x000000000000008a,
	0x0000000000000088,
	0x0000000080008009,
	0x000000008000000a,
	0x000000008000808b,
	0x800000000000008b,
	0x8000000000008089,
	0x8000000000008003,
	0x8000000000008002,
	0x8000000000000080,
	0x000000000000800a,
	0x800000008000000a,
	0x8000000080008081,
	0x8000000000008080,
	0x0000000080000001,
	0x8000000080008008,
};

#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t turn(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

INLINE void chi(uint64_t *row, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	row[0] = a ^ (~b & c);
	row[1] = b ^ (~c & d);
	row[2] = c ^ (~d & e);
	row[3] = d ^ (~e & a);
	row[4] = e ^ (~a & b);
}

/* One round: theta into p and q, then rho, pi and chi row by row. Lane (x, y) is
 * [x + 5 * y]; with constant indices all of it lives in registers. */
INLINE void mix(uint64_t to[LANES], const uint64_t s[LANES], uint64_t constant)
{
	uint64_t p[5], q[5];

	for (int x = 0; x < 5; x++)
		p[x] = s[x] ^ s[x + 5] ^ s[x + 10] ^ s[x + 15] ^ s[x + 20];
	for (int x = 0; x < 5; x++)
		q[x] = p[(x + 4) % 5] ^ turn(p[(x + 1) % 5], 1);

	chi(to, s[0] ^ q[0], turn(s[6] ^ q[1], 44), turn(s[12] ^ q[2], 43),
	    turn(s[18] ^ q[3], 21), turn(s[24] ^ q[4], 14));
	to[0] ^= constant;
	chi(to + 5, turn(s[3] ^ q[3], 28), turn(s[9] ^ q[4], 20), turn(s[10] ^ q[0], 3),
	    turn(s[16] ^ q[1], 45), turn(s[22] ^ q[2], 61));
	chi(to + 10, turn(s[1] ^ q[1], 1), turn(s[7] ^ q[2], 6), turn(s[13] ^ q[3], 25),
	    turn(s[19] ^ q[4], 8), turn(s[20] ^ q[0], 18));
	chi(to + 15, turn(s[4] ^ q[4], 27), turn(s[5] ^ q[0], 36), turn(s[11] ^ q[1], 10),
	    turn(s[17] ^ q[2], 15), turn(s[23] ^ q[3], 56));
	chi(to + 20, turn(s[2] ^ q[2], 62), turn(s[8] ^ q[3], 55), turn(s[14] ^ q[4], 39),
	    turn(s[15] ^ q[0], 41), turn(s[21] ^ q[1], 2));
}

static void permute(uint64_t state[LANES])
{
	uint64_t even[LANES], odd[LANES];

	memcpy(even, state, sizeof even);
	for (int i = 0; i < 24; i += 2) {
		mix(odd, even, iota[i]);
		mix(even, odd, iota[i + 1]);
	}
	memcpy(state, even, sizeof even);
}

static void absorb(uint64_t state[LANES], const uint8_t block[RATE])
{
	for (int i = 0; i < RATE / 8; i++) {
		uint64_t lane;

		memcpy(&lane, block + 8 * i, 8);
		state[i] ^= le64toh(lane);
	}
	permute(state);
}

void keccak256(uint8_t out[32], const void *data, size_t len)
{
	uint64_t state[LANES] = { 0 };
	uint8_t last[RATE] = { 0 };
	const uint8_t *at = data;

	for (; len >= RATE; len -= RATE, at += RATE)
		absorb(state, at);
	if (len)
		memcpy(last, at, len);
	last[len] = 0x01;
	last[RATE - 1] |= 0x80;
	absorb(state, last);
	for (int i = 0; i < 4; i++) {
		uint64_t lane = htole64(state[i]);

		memcpy(out + 8 * i, &lane, 8);
	}
}
