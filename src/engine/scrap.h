/* scrap.h - which operation was being advanced when the process died of itself.
 *
 * A failed CHECK or a fault in `advance` would end every start at the same place, and no
 * operation would ever go on. So the signal handler writes the operation's id into a
 * scrap file, and after three such deaths in a row the operation is set aside and the
 * others go on (G7). The file is a hint: losing it loses nothing. Being killed is no such
 * death, and an orderly end takes the file away.
 */
#ifndef PAWL_ENGINE_SCRAP_H
#define PAWL_ENGINE_SCRAP_H

#include <stdint.h>

#define SCRAP_DEATHS_MAX 3

/* Watch this process (SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL), with the file beside the
 * journal: `died-<journal>`. Returns the operation that SCRAP_DEATHS_MAX starts in a row
 * died of, and takes the file away then; 0: none. */
int64_t scrap_arm(const char *journal_path);

void scrap_enter(int64_t operation); /* advance begins */
void scrap_leave(void);
void scrap_clear(void); /* an orderly end */

#endif
