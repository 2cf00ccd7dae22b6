#include "cli/term/term.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"

#define BAR_CELLS 40 /* at most; and at least: */
#define BAR_CELLS_NARROW 8
#define WAITS_GRACE_MS 1500 /* a start waits for everything, and that is no news */
#define COLUMNS_DEFAULT 80
#define DRAW_MS 100  /* between two bars */
#define LINE_MS 5000 /* between two plain lines */
#define MARK_MS 1000 /* between two moments that the rate is made of */
#define SECRET_MAX 1024

/* -- figures --------------------------------------------------------------- */

void term_duration(char out[32], int64_t seconds)
{
	long long s = seconds;

	if (s < 120)
		snprintf(out, 32, "%lld s", s);
	else if (s < 7200)
		snprintf(out, 32, "%lld min %lld s", s / 60, s % 60);
	else
		snprintf(out, 32, "%lld h %lld min", s / 3600, s / 60 % 60);
}

void term_count(char out[32], int64_t n)
{
	char digits[32];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
	char *to = out;

	for (int i = 0; i < len; i++) {
		if (i && digits[i - 1] != '-' && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
}

/* -- progress -------------------------------------------------------------- */

void progress_init(struct progress *p, FILE *out)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	memset(p, 0, sizeof *p);
	p->out = out;
	p->drawn_over = out && isatty(fileno(out)) && term && strcmp(term, "dumb") != 0;
	p->colour = p->drawn_over && !(no_color && *no_color);
	p->told_ms = p->began_ms = INT64_MIN;
}

static void mark_add(struct progress *p, int64_t done, int64_t now_ms)
{
	if (p->marks_n && now_ms - p->marks[p->marks_n - 1].at_ms < MARK_MS)
		return;
	if (p->marks_n == PROGRESS_MARKS) {
		memmove(p->marks, p->marks + 1, sizeof p->marks - sizeof p->marks[0]);
		p->marks_n--;
	}
	p->marks[p->marks_n].at_ms = now_ms;
	p->marks[p->marks_n].done = done;
	p->marks_n++;
}

/* Done per 1,000 s over the last while; -1: can't be said yet, nor the seconds left. */
static int64_t rate_milli_of(const struct progress *p)
{
	int64_t ms, done;

	if (p->marks_n < 2)
		return -1;
	ms = p->marks[p->marks_n - 1].at_ms - p->marks[0].at_ms;
	done = p->marks[p->marks_n - 1].done - p->marks[0].done;
	return ms > 0 && done >= 0 ? done * 1000000 / ms : -1;
}

static int64_t eta_s_of(const struct progress *p, int64_t done, int64_t total)
{
	int64_t rate_milli = rate_milli_of(p);

	if (rate_milli <= 0 || done > total)
		return -1;
	return ((total - done) * 1000 + rate_milli - 1) / rate_milli;
}

static void bar_format(
    char out[BAR_CELLS + 3], const struct progress_facts *facts, int cells)
{
	int64_t full = facts->total > 0 ? facts->done * cells / facts->total : 0;

	out[0] = '[';
	for (int i = 0; i < cells; i++)
		out[1 + i] = i < full ? '#' : '.';
	out[1 + cells] = ']';
	out[2 + cells] = '\0';
}

/* "812 of 2,000 (40 %), 312/s, 4 s left". */
static size_t line_format(
    char *out, size_t size, const struct progress *p, const struct progress_facts *facts)
{
	int64_t rate_milli = rate_milli_of(p);
	int64_t eta_s = eta_s_of(p, facts->done, facts->total);
	char done[32], total[32], voids[40] = "", speed[32] = "", left[48] = "";
	int n;

	term_count(done, facts->done);
	term_count(total, facts->total);
	if (facts->void_n)
		snprintf(voids, sizeof voids, ", %lld void", (long long)facts->void_n);
	if (rate_milli > 0 && !facts->cancelled)
		snprintf(speed, sizeof speed, ", %lld.%lld/s",
		    (long long)rate_milli / 1000, (long long)rate_milli / 100 % 10);
	if (eta_s >= 0 && facts->done < facts->total && !facts->cancelled) {
		char duration[32];

		term_duration(duration, eta_s);
		snprintf(left, sizeof left, ", %s left", duration);
	}
	n = snprintf(out, size, "%s: %s of %s (%lld %%)%s%s%s", facts->what, done, total,
	    facts->total > 0 ? (long long)(facts->done * 100 / facts->total) : 100LL,
	    voids, speed, left);
	CHECK(n >= 0);
	return (size_t)n < size ? (size_t)n : size - 1;
}

/* That it may be killed (it always may), how many are unknown, what it waits for. */
static void rest_format(
    char *out, size_t size, const struct progress_facts *facts, bool beginning)
{
	const char *waits = beginning ? NULL : facts->waits;
	char unknown[48] = "";

	if (facts->unknown)
		snprintf(unknown, sizeof unknown, "; %lld unknown, being looked up",
		    (long long)facts->unknown);
	snprintf(out, size, "; safe to stop%s%s%s", unknown, waits ? "; waits for " : "",
	    waits ? waits : "");
}

static int columns_of(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

/* The words first, the bar takes what they leave. What is wider than the terminal could
 * not be drawn over: it is cut. */
static void bar_draw(
    struct progress *p, const struct progress_facts *facts, const char *line)
{
	int columns = columns_of(p->out);
	int len = (int)strlen(line), cells = columns - len - 4, room;
	char bar[BAR_CELLS + 3];

	cells = cells < BAR_CELLS_NARROW ? BAR_CELLS_NARROW : cells;
	cells = cells > BAR_CELLS ? BAR_CELLS : cells;
	room = columns - cells - 4;
	room = room < len ? room : len;
	while (room > 0 && room < len && ((unsigned char)line[room] & 0xc0) == 0x80)
		room--; /* half a character is none */

	bar_format(bar, facts, cells);
	fprintf(p->out, "\r\033[K%s%s%s %.*s", p->colour ? "\033[32m" : "", bar,
	    p->colour ? "\033[0m" : "", room > 0 ? room : 0, line);
	p->drawn = true;
}

void progress_show(struct progress *p, const struct progress_facts *facts, int64_t now_ms)
{
	int64_t pause_ms = p->drawn_over ? DRAW_MS : LINE_MS;
	bool complete = facts->done >= facts->total;
	char line[sizeof p->last];
	size_t len;

	if (p->began_ms == INT64_MIN)
		p->began_ms = now_ms;
	mark_add(p, facts->done, now_ms);
	if (!p->out ||
	    (p->told_ms != INT64_MIN && now_ms - p->told_ms < pause_ms && !complete))
		return;
	len = line_format(line, sizeof line, p, facts);
	rest_format(
	    line + len, sizeof line - len, facts, now_ms - p->began_ms < WAITS_GRACE_MS);
	if (strcmp(line, p->last) == 0)
		return;
	memcpy(p->last, line, sizeof line);
	p->told_ms = now_ms;
	if (p->drawn_over)
		bar_draw(p, facts, line);
	else
		fprintf(p->out, "%s\n", line);
	fflush(p->out);
}

void progress_end(struct progress *p)
{
	if (p->out && p->drawn)
		fputc('\n', p->out);
	p->drawn = false;
}

void progress_take_back(struct progress *p)
{
	if (p->out && p->drawn) {
		fputs("\r\033[K", p->out);
		fflush(p->out);
	}
	p->drawn = false;
}

/* -- questions ------------------------------------------------------------- */

static volatile sig_atomic_t signal_seen;

static void signal_note(int number)
{
	signal_seen = number;
}

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

#define SIGNALS (sizeof signals / sizeof *signals)

/* Until quiet_end the terminal shows nothing, and a signal only ends the reading: the
 * terminal must be put back first. */
struct quiet {
	struct termios before;
	struct sigaction actions[SIGNALS];
};

static void quiet_end(const struct quiet *q, int tty)
{
	tcsetattr(tty, TCSADRAIN, &q->before);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &q->actions[i], NULL);
}

static bool quiet_begin(struct quiet *q, int tty)
{
	struct sigaction note = { .sa_handler = signal_note };
	struct termios silent;

	if (tcgetattr(tty, &q->before) != 0)
		return false;
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &note, &q->actions[i]);
	silent = q->before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ICANON | ISIG | ECHONL;
	if (tcsetattr(tty, TCSAFLUSH, &silent) == 0)
		return true;
	quiet_end(q, tty);
	return false;
}

/* A line without its end; -1 at the end of input, or when a signal came. */
static ssize_t line_read(int tty, char *out, size_t size)
{
	size_t len = 0;

	while (len < size && !signal_seen) {
		ssize_t n = read(tty, out + len, 1);

		if (n <= 0)
			return -1;
		if (out[len] == '\n')
			return (ssize_t)len;
		len++;
	}
	return -1;
}

static void say(int tty, const char *text)
{
	ssize_t n = write(tty, text, strlen(text));

	(void)n; /* a terminal that is gone shows in the answer */
}

enum err term_ask_secret(struct secret **ret, const char *prompt, struct fail *f)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	char line[SECRET_MAX];
	struct quiet quiet;
	ssize_t len = -1;

	if (tty < 0)
		return fail_set(f, ERR_KEY, "there is no terminal to ask on");
	signal_seen = 0;
	/* Quiet first: what is typed as an answer must neither be shown nor thrown
	 * away. */
	if (quiet_begin(&quiet, tty)) {
		say(tty, prompt);
		len = line_read(tty, line, sizeof line);
		quiet_end(&quiet, tty);
	}
	close(tty);
	if (signal_seen)
		raise(signal_seen);
	if (len < 0) {
		secret_wipe(line, sizeof line);
		return fail_set(f, ERR_STOPPED, "nothing was entered");
	}
	*ret = secret_new(line, (size_t)len);
	return ERR_OK;
}

bool term_yes(void)
{
	char answer[16];

	return fgets(answer, sizeof answer, stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

bool term_present(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}
