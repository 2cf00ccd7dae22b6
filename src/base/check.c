#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_failed(const char *file, int line, const char *what)
{
	char text[512];
	int len =
	    snprintf(text, sizeof text, "pawl: %s:%d: CHECK: %s\n", file, line, what);

	if (len > (int)sizeof text - 1)
		len = (int)sizeof text - 1;
	/* past stdio, whose locks and buffers may be what broke */
	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		abort();
	abort();
}
