#include "codec/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/mutant.h"

#define NAME_MAX_HERE 253
#define LABEL_MAX 63

void url_split(struct url *ret, const char *text)
{
	const char *scheme = strstr(text, "://");
	const char *host = scheme ? scheme + 3 : text;
	const char *end = host + strcspn(host, "/?#");
	const char *at = memrchr(host, '@', (size_t)(end - host)), *bracket, *colon;

	*ret = (struct url){ .path = end };
	if (at) {
		ret->user = host;
		ret->user_len = (size_t)(at - host);
		host = at + 1;
	}
	ret->host = host;
	ret->host_port_len = (size_t)(end - host);
	/* behind the bracket of an IPv6 address a colon begins the port */
	bracket = *host == '[' ? memchr(host, ']', ret->host_port_len) : NULL;
	bracket = bracket ? bracket : host;
	colon = memchr(bracket, ':', (size_t)(end - bracket));
	ret->host_len = (size_t)((colon ? colon : end) - host);
	if (colon) {
		ret->port = colon + 1;
		ret->port_len = (size_t)(end - ret->port);
	}
}

/* -- can it be asked for? ------------------------------------------------------- */

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Of a name, from `at` to a dot or the end: so many bytes; 0: it is none. */
static size_t label_len(const char *at, const char *end)
{
	const char *dot = memchr(at, '.', (size_t)(end - at));
	size_t len = (size_t)((dot ? dot : end) - at);

	if (!len || len > LABEL_MAX || *at == '-' || at[len - 1] == '-')
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!is_name_byte(at[i]))
			return 0;
	return len;
}

/* A host whose last part is a number is an address of IPv4 for whoever asks: in each way
 * to write one. */
static bool is_number(const char *label, size_t len)
{
	size_t from = len > 1 && label[0] == '0' && (label[1] | 32) == 'x' ? 2 : 0;

	for (size_t i = from; i < len; i++)
		if (!(from ? isxdigit((unsigned char)label[i])
			   : isdigit((unsigned char)label[i])))
			return false;
	return true;
}

static const char *name_fault(const char *host, size_t len)
{
	const char *end = host + len, *last = host;
	char text[NAME_MAX_HERE + 1];
	struct in_addr four;
	size_t n = 0;

	if (len && end[-1] == '.')
		end--;
	if (end - host > NAME_MAX_HERE)
		return "its host has more than 253 bytes";
	for (const char *at = host; at <= end; at += n + 1) {
		n = label_len(at, end);
		if (!n)
			return "its host is none that there can be: names of letters, "
			       "digits and '-' within, between single dots; [::1] for "
			       "IPv6";
		last = at;
	}
	snprintf(text, sizeof text, "%.*s", (int)(end - host), host);
	if (is_number(last, n) && !inet_aton(text, &four))
		return "its host ends in a number, and is no address of IPv4";
	return NULL;
}

static const char *port_fault(CURLU *parts)
{
	char *port = NULL;
	bool none;

	if (curl_url_get(parts, CURLUPART_PORT, &port, 0) != CURLUE_OK)
		return NULL;
	none = strcmp(port, "0") == 0;
	curl_free(port);
	return none ? "its port is none: 1 to 65535" : NULL;
}

/* Of what libcurl, which asks, reads. */
static const char *parts_fault(CURLU *parts, const char *text)
{
	CURLUcode why = curl_url_set(parts, CURLUPART_URL, text, 0);
	const char *fault;
	struct url u;

	if (why == CURLUE_BAD_PORT_NUMBER)
		return "its port is none: 1 to 65535";
	url_split(&u, text);
	if (why == CURLUE_NO_HOST || !u.host_len)
		return "a URL without a host";
	if (*u.host != '[') {
		fault = name_fault(u.host, u.host_len);
		if (fault)
			return fault;
	} else if (why != CURLUE_OK) {
		return "its host is no address of IPv6 between brackets, as [::1]";
	}
	if (u.port && !u.port_len)
		return "its port is none: 1 to 65535";
	return why == CURLUE_OK ? port_fault(parts) : "it is no URL of RFC 3986";
}

const char *url_fault(const char *text)
{
	const char *fault;
	CURLU *parts;

	if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
		return "a URL begins with http:// or https://";
	for (const char *at = text; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '\\')
			return "a URL has no blanks, '\\' or bytes that are not ASCII";
	if (MUTANT(urls_unread))
		return NULL;
	parts = curl_url();
	CHECK(parts);
	fault = parts_fault(parts, text);
	curl_url_cleanup(parts);
	return fault;
}

/* -- what of it may be shown ------------------------------------------------------ */

static size_t scheme_len(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len && len < 16 && strncmp(text + len, "://", 3) == 0 ? len + 3 : 0;
}

static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

/* Behind a password with a slash in it stands an @. */
void url_shown(char out[URL_SHOWN_MAX], const char *text)
{
	size_t scheme = scheme_len(text);
	bool bare, doubtful;
	struct url u;

	url_split(&u, text);
	bare = !*u.path || strcmp(u.path, "/") == 0;
	doubtful = !is_plain(u.host, u.host_port_len) || u.host_port_len > 260 ||
	    (strchr(u.path, '@') && url_fault(text));
	if (!scheme)
		out[0] = '\0';
	else if (doubtful)
		snprintf(out, URL_SHOWN_MAX, "%.*s...", (int)scheme, text);
	else
		snprintf(out, URL_SHOWN_MAX, "%.*s%.*s%s", (int)scheme, text,
		    (int)u.host_port_len, u.host, bare && !u.user ? u.path : "/...");
}
