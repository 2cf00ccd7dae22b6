/* openapi.h - what can be asked over HTTP, for programs: an OpenAPI 3.1 document that the
 * build writes from routes.def, members.def and vitals.def. */
#ifndef PAWL_SERVE_REQUEST_OPENAPI_H
#define PAWL_SERVE_REQUEST_OPENAPI_H

#include <stddef.h>

extern const size_t openapi_len;
extern const char openapi_text[]; /* JSON, NUL behind it */

#endif
