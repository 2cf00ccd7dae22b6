/* address.h - is an address one of the internet's?
 *
 * What others name may be asked only where anybody could ask: not this machine, not the
 * network around it, nothing that is set aside for documents, tests or groups.
 */
#ifndef PAWL_WORLD_ADDRESS_H
#define PAWL_WORLD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Of IPv4 and IPv6, and of what IPv6 carries of IPv4; any other family: false. */
bool address_public(const struct sockaddr *a);

/* A host as a URL has it, with the brackets of IPv6, and in each way to write one of IPv4
 * that clients know: is it an address, and none of the internet's? A name is none. */
bool host_private(const char *host, size_t len);

#endif
