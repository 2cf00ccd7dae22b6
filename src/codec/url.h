/* url.h - where the parts of a URL stand, and whether it can be asked for. Users and
 * passwords, paths and queries may be secrets.
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

/* Nothing is copied, decoded or checked: what has no `://` begins with its host. */
void url_split(struct url *ret, const char *text);

/* Why nobody can be asked for it over HTTP, in words that repeat nothing of it; NULL: it
 * is one of http or https, as libcurl reads it, with a host and a port that there can be.
 */
const char *url_fault(const char *text);

#define URL_SHOWN_MAX 320 /* with its NUL */

/* Its scheme, host and port, and dots for what may be secret: "https://h:8443/..."; and
 * where it can't be told what is what, nothing but its scheme, or "". ASCII. */
void url_shown(char out[URL_SHOWN_MAX], const char *text);

#endif
