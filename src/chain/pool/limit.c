#include "chain/pool/limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "codec/url.h"

struct limit {
	const char *host;
	int64_t calls, per_ms;
};

static const struct limit limits[] = {
#define LIMIT(host, calls, per_ms, says, where) { host, calls, per_ms },
#include "chain/pool/limits.def"
#undef LIMIT
};

/* It, or a host below it. */
static bool is_of(const char *host, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len >= n && strncasecmp(host + len - n, name, n) == 0 &&
	    (len == n || host[len - n - 1] == '.');
}

struct rate limit_of(const char *url, int rate, int burst)
{
	struct url u;

	url_split(&u, url);
	if (rate > 0)
		return (struct rate){ rate, 1000, burst > 0 ? burst : rate };
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		int64_t tenth = limits[i].calls / 10;

		if (!is_of(u.host, u.host_len, limits[i].host))
			continue;
		tenth = tenth > 0 ? tenth : 1;
		return (struct rate){ limits[i].calls - tenth, limits[i].per_ms, tenth };
	}
	return (struct rate){ 0, 1000, 0 };
}
