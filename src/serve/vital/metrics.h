/* metrics.h - /metrics: the text format of Prometheus, from the table metrics.def.
 *
 * Of the same memory and journal as the health. What it reads of the journal is bounded
 * by operations and by what is in flight, never by rows.
 */
#ifndef PAWL_SERVE_VITAL_METRICS_H
#define PAWL_SERVE_VITAL_METRICS_H

#include "serve/vital/health.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_MAX ((size_t)8 << 20)

/* out: of METRICS_MAX. */
void metrics_encode(struct buf *out, const struct health_at *at);

#endif
