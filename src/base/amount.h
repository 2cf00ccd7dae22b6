/* amount.h - money: unsigned 256-bit integers in base units.
 *
 * A struct, so that an amount can't be mixed up with a count. Arithmetic says
 * when it overflows, and the answer can't be ignored. Four little-endian limbs;
 * on disk, on the wire and in hashes: 32 bytes, big-endian.
 */
#ifndef PAWL_BASE_AMOUNT_H
#define PAWL_BASE_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct amount {
	uint64_t limb[4];
};

#define AMOUNT_ZERO ((struct amount){ { 0, 0, 0, 0 } })
#define AMOUNT_DECIMALS_MAX 255 /* what an ERC-20 can say; more is a CHECK */
#define AMOUNT_TEXT_MAX 260     /* any amount at any decimals, with its NUL */

struct amount amount_u64(uint64_t v);
bool amount_is_zero(const struct amount *a);
int amount_cmp(const struct amount *a, const struct amount *b); /* <0, 0, >0 */

/* false: overflow (or below zero), *ret is then untouched. ret may be an operand. */
NODISCARD bool amount_add(
    struct amount *ret, const struct amount *a, const struct amount *b);
NODISCARD bool amount_sub(
    struct amount *ret, const struct amount *a, const struct amount *b);
NODISCARD bool amount_mul_u64(struct amount *ret, const struct amount *a, uint64_t b);
/* a / b, rounded down, and the rest; b is not 0 (CHECK). */
struct amount amount_div_u64(const struct amount *a, uint64_t b, uint64_t *ret_rest);
/* false when a does not fit. */
NODISCARD bool amount_to_u64(const struct amount *a, uint64_t *ret);

void amount_encode(uint8_t out[32], const struct amount *a);
struct amount amount_decode(const uint8_t in[32]);

/* "0x..." of at most 64 digits, as nodes send quantities. */
NODISCARD bool amount_parse_hex(struct amount *ret, const char *text);
/* Writes "0x" without leading zeros ("0x0"). out: 67 bytes. */
void amount_format_hex(char out[67], const struct amount *a);

enum amount_fault {
	AMOUNT_OK,
	AMOUNT_EMPTY,
	AMOUNT_NOT_PLAIN,   /* a sign, exponent, separator, space or letter */
	AMOUNT_TOO_PRECISE, /* more digits behind the point than decimals */
	AMOUNT_OVERFLOW
};

/* Plain decimal text in whole units ("1.5", "0.000001"; ".5" and "5." are
 * NOT_PLAIN) into base units. decimals 0: integers only. */
enum amount_fault amount_parse(
    struct amount *ret, const char *text, size_t len, unsigned decimals);
const char *amount_fault_text(enum amount_fault fault);

/* Whole units without trailing zeros: 1500000, 6 -> "1.5". */
void amount_format(char out[AMOUNT_TEXT_MAX], const struct amount *a, unsigned decimals);

#endif
