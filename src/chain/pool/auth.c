#include "chain/pool/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "chain/pool/redact.h"
#include "crypto/base64.h"

#define COOKIE_MAX 512
#define PASSWORD_MIN 16 /* a shorter one could be any word of an answer */

static const char header[] = "Authorization: Basic ";

void auth_init(struct auth *a, const char *cookie, const struct secret *login)
{
	*a = (struct auth){ .cookie = cookie ? mem_str(cookie) : NULL, .login = login };
}

static void line_drop(struct auth *a)
{
	if (a->line)
		secret_wipe(a->line, strlen(a->line));
	mem_free(a->line);
	a->line = NULL;
	secret_free(a->read);
	a->read = NULL;
}

void auth_release(struct auth *a)
{
	line_drop(a);
	mem_free(a->cookie);
}

static void line_make(struct auth *a, const struct secret *login)
{
	a->line = mem_new(sizeof header + BASE64_SIZE(secret_len(login)));
	memcpy(a->line, header, sizeof header - 1);
	base64_format(
	    a->line + sizeof header - 1, secret_bytes(login), secret_len(login));
}

/* Its size, without the end of its line; -1, and why. */
static ssize_t cookie_read(struct auth *a, char out[COOKIE_MAX])
{
	int fd = open(a->cookie, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n = -1;

	errno = fd < 0 ? errno : 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, out, COOKIE_MAX);
	snprintf(a->why, sizeof a->why, "the cookie %.100s: %s", a->cookie,
	    errno ? strerror(errno) : "it is no file with user:password");
	if (fd >= 0)
		close(fd);
	while (n > 0 && n < COOKIE_MAX && (out[n - 1] == '\n' || out[n - 1] == '\r'))
		n--;
	if (n <= 0 || n == COOKIE_MAX || !memchr(out, ':', (size_t)n))
		return -1;
	a->why[0] = '\0';
	return n;
}

const char *auth_line(struct auth *a)
{
	char cookie[COOKIE_MAX];
	ssize_t n;

	if (a->line || (!a->login && !a->cookie))
		return a->line;
	n = a->login ? 0 : cookie_read(a, cookie);
	if (n > 0)
		a->read = secret_new(cookie, (size_t)n);
	if (a->login || a->read)
		line_make(a, a->login ? a->login : a->read);
	return a->line;
}

const char *auth_refused(struct auth *a)
{
	if (!MUTANT(cookie_is_for_ever))
		line_drop(a);
	if (a->why[0])
		return a->why;
	if (a->cookie)
		return "the node does not accept the cookie (it wrote another one?)";
	if (a->login)
		return "the node does not accept user and password";
	return "the node wants a user and a password (cookie, or user and password, of "
	       "the endpoint)";
}

static void login_redact(const struct secret *login, char *text, size_t len)
{
	const char *all = (const char *)secret_bytes(login);
	const char *colon = memchr(all, ':', secret_len(login));
	size_t n = colon ? (size_t)(all + secret_len(login) - colon - 1) : 0;

	if (n >= PASSWORD_MIN)
		redact_word(text, len, colon + 1, n);
}

void auth_redact(const struct auth *a, char *text, size_t len)
{
	if (a->line)
		redact_word(text, len, a->line + sizeof header - 1,
		    strlen(a->line) - sizeof header + 1);
	if (a->login || a->read)
		login_redact(a->login ? a->login : a->read, text, len);
}
