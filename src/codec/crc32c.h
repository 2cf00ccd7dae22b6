/* crc32c.h - CRC-32C (Castagnoli), as iSCSI and others have it: tells damage by chance.
 */
#ifndef PAWL_CODEC_CRC32C_H
#define PAWL_CODEC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t len);
/* The same, as it is where the processor knows none of it. */
uint32_t crc32c_by_tables(const void *data, size_t len);

#endif
