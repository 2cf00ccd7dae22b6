/* url.h - where the parts of a URL stand. Nothing is copied, decoded or checked: what has
 * no `://` begins with its host. Users and passwords, paths and queries may be secrets.
 */
#ifndef PAWL_CODEC_URL_H
#define PAWL_CODEC_URL_H

#include <stdbool.h>
#include <stddef.h>

struct url {
	const char *user; /* `user:password`; NULL: none */
	size_t user_len;
	const char *host; /* an IPv6 address with its brackets */
	size_t host_len;
	size_t host_port_len; /* of the same, and `:port` if it has one */
	const char *port;     /* its digits; NULL: none */
	size_t port_len;
	const char *path; /* and what follows; maybe empty */
};

void url_split(struct url *ret, const char *text);

#endif
