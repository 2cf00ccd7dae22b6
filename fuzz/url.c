/* URLs that people name: what can be asked for has the host that libcurl would ask, and
 * what is shown has nothing of what stands behind it. */
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "codec/url.h"
#include "fuzz.h"

/* libcurl writes an address of IPv4 in its own way. */
static void check_host(const char *text, const struct url *u)
{
	CURLU *parts = curl_url();
	char *host;

	CHECK(parts && curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK);
	CHECK(curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK);
	CHECK(*host && (*host == '[') == (*u->host == '['));
	if (*host != '[' && strspn(host, "0123456789.") != strlen(host))
		CHECK(strlen(host) == u->host_len &&
		    strncasecmp(host, u->host, u->host_len) == 0);
	curl_free(host);
	curl_url_cleanup(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char shown[URL_SHOWN_MAX], *text;
	struct url u;

	if (size > 2048)
		return 0;
	text = mem_new(size + 1);
	memcpy(text, data, size);
	text[strlen(text)] = '\0';
	url_split(&u, text);
	if (!url_fault(text)) {
		CHECK(u.host_len > 0 && (!u.port || u.port_len > 0));
		check_host(text, &u);
	}
	url_shown(shown, text);
	fuzz_check_text(shown, sizeof shown);
	CHECK(strcspn(shown, "?#") == strlen(shown));
	mem_free(text);
	return 0;
}
