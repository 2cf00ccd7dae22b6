#include "world/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What IANA keeps apart for special purposes, and is not to be reached from everywhere.
 */
static const struct {
	uint8_t at[4], bits;
} apart_4[] = {
	{ { 0 }, 8 },
	{ { 10 }, 8 },
	{ { 100, 64 }, 10 },
	{ { 127 }, 8 },
	{ { 169, 254 }, 16 },
	{ { 172, 16 }, 12 },
	{ { 192, 0, 0 }, 24 },
	{ { 192, 0, 2 }, 24 },
	{ { 192, 88, 99 }, 24 },
	{ { 192, 168 }, 16 },
	{ { 198, 18 }, 15 },
	{ { 198, 51, 100 }, 24 },
	{ { 203, 0, 113 }, 24 },
	{ { 224 }, 3 },
};

static bool within(const uint8_t *a, const uint8_t *of, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	return memcmp(a, of, bytes) == 0 &&
	    (!rest || !((a[bytes] ^ of[bytes]) >> (8 - rest)));
}

static bool public_4(const uint8_t a[4])
{
	for (size_t i = 0; i < sizeof apart_4 / sizeof *apart_4; i++)
		if (within(a, apart_4[i].at, apart_4[i].bits))
			return false;
	return true;
}

/* Of 2000::/3, where all that is given out lies, what is kept apart; and what has an
 * address of IPv4 in it is as public as that. */
static bool public_6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
	static const uint8_t given[] = { 0x20 }, ietf[] = { 0x20, 0x01, 0 };
	static const uint8_t paper[] = { 0x20, 0x01, 0x0d, 0xb8 };
	static const uint8_t papers[] = { 0x3f, 0xff, 0 };
	static const uint8_t to4[] = { 0x20, 0x02 };

	if (within(a, mapped, 96) || within(a, nat64, 96))
		return public_4(a + 12);
	if (within(a, to4, 16))
		return public_4(a + 2);
	return within(a, given, 3) && !within(a, ietf, 23) && !within(a, paper, 32) &&
	    !within(a, papers, 20);
}

bool address_public(const struct sockaddr *a)
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	if (a->sa_family == AF_INET) {
		memcpy(&four, a, sizeof four);
		return public_4((const uint8_t *)&four.sin_addr);
	}
	if (a->sa_family != AF_INET6)
		return false;
	memcpy(&six, a, sizeof six);
	return public_6((const uint8_t *)&six.sin6_addr);
}

bool host_private(const char *host, size_t len)
{
	char text[64];
	struct in_addr four;
	struct in6_addr six;

	if (!len || len >= sizeof text)
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	if (*text != '[')
		return inet_aton(text, &four) && !public_4((const uint8_t *)&four);
	text[strcspn(text, "]%")] = '\0';
	return inet_pton(AF_INET6, text + 1, &six) == 1 && !public_6(six.s6_addr);
}
