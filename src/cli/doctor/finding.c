/* What was looked at, a line each: for people, as JSON, or kept for who asks in silence.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/doctor/doctor.h"

static void PRINTF(6, 0) vtold(struct doctor *d, const char *what, const char *subject,
    bool finding, const char *advice, const char *fmt, va_list ap)
{
	size_t n = strlen(subject);
	char said[700];
	const char *text = said;

	vsnprintf(said, sizeof said, fmt, ap);
	utf8_plain(said);
	if (!strncmp(said, subject, n) && !strncmp(said + n, ": ", 2))
		text += n + 2; /* an error of it names it, too */
	d->findings += finding;
	if (d->first) {
		if (finding && d->findings == 1)
			fail_set(d->first, ERR_DAMAGED, "%s%s%s",
			    subject == d->copy ? "" : subject,
			    subject == d->copy ? "" : ": ", text);
	} else if (d->cli->args.json) {
		cli_json(json_pack("{s:s, s:o, s:b, s:o, s:o}", "check", what, "of",
		    cli_text(subject), "ok", !finding, "text", cli_text(text), "do",
		    cli_text(advice)));
	} else if (finding) {
		printf("FINDING %-8s %s: %s\n        do: %s\n", what, subject, text,
		    advice ? advice : "-");
	} else if (!d->cli->args.quiet) {
		printf("ok      %-8s %s: %s\n", what, subject, text);
	}
}

void doctor_fine(
    struct doctor *d, const char *what, const char *subject, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vtold(d, what, subject, false, NULL, fmt, ap);
	va_end(ap);
}

void doctor_finding(struct doctor *d, const char *what, const char *subject,
    const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vtold(d, what, subject, true, advice, fmt, ap);
	va_end(ap);
}
