/* own_folder.h - a folder of its own for a test, in memory where that is a file system:
 * set-up and teardown, of a test or of a group. One at a time.
 */
#ifndef PAWL_TESTS_OWN_FOLDER_H
#define PAWL_TESTS_OWN_FOLDER_H

extern char own_folder[32]; /* its path */

int own_folder_make(void **state);   /* not 0: there is none */
int own_folder_remove(void **state); /* it is gone, with all in it */

#endif
