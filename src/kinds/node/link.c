#include "kinds/node/link.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/mutant.h"
#include "base/shell.h"

#define WORD_MAX 160

bool l2_is_link(const char *path, char what[L2_LINK_TOLD], char remedy[L2_LINK_TOLD])
{
	char word[WORD_MAX];
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
		return false;
	shell_word(word, sizeof word, path);
	snprintf(what, L2_LINK_TOLD,
	    "is a symbolic link, where the node's own is to be: what writes it anew "
	    "takes its name, and would leave behind what the link points to");
	if (stat(path, &st) != 0)
		snprintf(remedy, L2_LINK_TOLD, "rm %s, which points to nothing", word);
	else
		snprintf(remedy, L2_LINK_TOLD,
		    "l=%s; d=$(readlink -f \"$l\") && rm \"$l\" && mv \"$d\" \"$l\" (on "
		    "another disk: the data folder as a whole)",
		    word);
	return true;
}

enum err l2_itself(const char *path, struct fail *f)
{
	char what[L2_LINK_TOLD], remedy[L2_LINK_TOLD];

	if (!l2_is_link(path, what, remedy) || MUTANT(link_is_replaced))
		return ERR_OK;
	return fail_set(f, ERR_INPUT, "%.400s %s. Nothing was changed. First: %s", path,
	    what, remedy);
}
