#include "codec/url.h"

#include <string.h>

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
