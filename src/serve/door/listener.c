#include "serve/door/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

#define BACKLOG 512 /* who comes at once: many can, and are let in by turns */
#define PORT_MAX 65535
#define UNREAD_MAX (256 * 1024) /* what the kernel keeps for who does not read */

struct at {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} is;
	socklen_t len;
};

static bool port_parse(in_port_t *ret, const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = strtoul(text, NULL, 10);

	if (!digits || digits > 5 || text[digits] || port > PORT_MAX)
		return false;
	*ret = htons((uint16_t)port);
	return true;
}

/* host: without the brackets of a v6 address. */
static bool host_parse(struct at *ret, const char *host, bool bracketed)
{
	if (bracketed) {
		ret->is.v6.sin6_family = AF_INET6;
		ret->len = sizeof ret->is.v6;
		return inet_pton(AF_INET6, host, &ret->is.v6.sin6_addr) == 1;
	}
	ret->is.v4.sin_family = AF_INET;
	ret->len = sizeof ret->is.v4;
	return inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1",
		   &ret->is.v4.sin_addr) == 1;
}

static bool at_parse(struct at *ret, const char *text)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = *text == '[';
	char host[LISTENER_AT_MAX];
	size_t len;

	memset(ret, 0, sizeof *ret);
	if (!colon || (bracketed && (colon - text < 3 || colon[-1] != ']')))
		return false;
	len = (size_t)(colon - text) - (bracketed ? 2 : 0);
	if (len >= sizeof host)
		return false;
	memcpy(host, text + bracketed, len);
	host[len] = '\0';
	return host_parse(ret, host, bracketed) &&
	    port_parse(
		bracketed ? &ret->is.v6.sin6_port : &ret->is.v4.sin_port, colon + 1);
}

const char *listener_fault(const char *text)
{
	struct at at;

	return at_parse(&at, text)
	    ? NULL
	    : "not an address and a port, as in 127.0.0.1:8080 or [::1]:8080";
}

static bool is_loopback(const struct at *at)
{
	if (at->is.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&at->is.v6.sin6_addr);
	return ntohl(at->is.v4.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

/* What it got, where the port was 0. */
static void name(struct listener *l, struct at *at)
{
	char host[INET6_ADDRSTRLEN];
	bool v6 = at->is.any.sa_family == AF_INET6;

	CHECK(getsockname(l->fd, &at->is.any, &at->len) == 0);
	CHECK(inet_ntop(at->is.any.sa_family,
	    v6 ? (void *)&at->is.v6.sin6_addr : (void *)&at->is.v4.sin_addr, host,
	    sizeof host));
	l->port = ntohs(v6 ? at->is.v6.sin6_port : at->is.v4.sin_port);
	snprintf(l->at, sizeof l->at, v6 ? "[%s]:%u" : "%s:%u", host, l->port);
	l->loopback = is_loopback(at);
}

static enum err refused(const char *text, struct fail *f)
{
	if (errno == EADDRINUSE)
		return fail_set(f, ERR_CONFIG,
		    "%.60s is in use by another program: end that one, or write another "
		    "address there",
		    text);
	if (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)
		return fail_set(f, ERR_CONFIG,
		    "%.60s is no address of this machine: write one there that it has",
		    text);
	if (errno == EACCES)
		return fail_set(f, ERR_CONFIG,
		    "%.60s may not be listened on by this user: write a port from 1024 "
		    "on there",
		    text);
	return fail_set(f, ERR_SYSTEM, "%.60s: %s", text, strerror(errno));
}

enum err listener_open(struct listener *l, const char *text, struct fail *f)
{
	const int yes = 1, unread = UNREAD_MAX;
	struct at at;

	*l = (struct listener){ .fd = -1 };
	if (!at_parse(&at, text))
		return fail_set(f, ERR_CONFIG, "%s", listener_fault(text));
	l->fd =
	    socket(at.is.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
	    setsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &unread, sizeof unread) ||
	    bind(l->fd, &at.is.any, at.len) || listen(l->fd, BACKLOG)) {
		enum err e = refused(text, f);

		listener_close(l);
		return e;
	}
	name(l, &at);
	return ERR_OK;
}

void listener_close(struct listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
