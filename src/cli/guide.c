#include "cli/guide.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const struct guide names[] = {
#define GUIDE(name, words) { name, words },
#include "cli/guide.def"
#undef GUIDE
};

#define NAMES_N (sizeof names / sizeof *names)

const struct guide *guide_find(const char *called)
{
	const char *slash = called ? strrchr(called, '/') : NULL;
	const char *name = slash ? slash + 1 : called;

	for (size_t i = 0; name && i < NAMES_N; i++)
		if (strcmp(names[i].name, name) == 0)
			return &names[i];
	return NULL;
}

const char *guide_name(const char *words)
{
	for (size_t i = 0; i < NAMES_N; i++)
		if (strcmp(names[i].words, words) == 0)
			return names[i].name;
	return NULL;
}

void guide_typed(
    char out[GUIDE_TYPED_MAX], const struct guide *called_by, const char *words)
{
	snprintf(out, GUIDE_TYPED_MAX, "%s%s", called_by ? "" : "pawl ",
	    called_by ? called_by->name : words);
}

int guide_line(const struct guide *g, int argc, char **argv,
    char *ret[GUIDE_ARGUMENTS_MAX], char buf[64])
{
	int n = 0;

	CHECK(snprintf(buf, 64, "%s", g->words) < 64);
	ret[n++] = argv[0];
	for (char *at = buf; at; n++) {
		ret[n] = at;
		at = strchr(at, ' ');
		if (at)
			*at++ = '\0';
	}
	if (argc + n > GUIDE_ARGUMENTS_MAX)
		return 0;
	for (int i = 1; i < argc; i++)
		ret[n++] = argv[i];
	ret[n] = NULL;
	return n;
}

int guide_exit_code(int code)
{
	switch (code) {
	case 0:
		return 0;
	case 2:
	case 6:
		return 2;
	default:
		return 1;
	}
}
