/* fuzz.h - what a fuzz target is: hostile bytes in, and whatever must hold checked.
 *
 * Each NAME.c here defines the one function that libFuzzer calls; no input may end the
 * process, whatever it is. Built with -Dfuzz=true a target is a fuzzer. Otherwise
 * replay.c shows it the files of corpus/NAME, one test each.
 */
#ifndef PAWL_FUZZ_FUZZ_H
#define PAWL_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes from the front that choose among readers; 0 when there are none left. */
static inline uint8_t fuzz_byte(const uint8_t **data, size_t *size)
{
	if (!*size)
		return 0;
	(*size)--;
	return *(*data)++;
}

/* Text for people: ended, and nothing a terminal would obey. */
static inline void fuzz_check_text(const char *text, size_t room)
{
	size_t i = 0;

	while (i < room && text[i]) {
		CHECK((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
		i++;
	}
	CHECK(i < room);
}

#endif
