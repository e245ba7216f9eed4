/* A stream compressed both ways (RFC 1951), upgraded in place. */
#ifndef NET_STREAM_DEFLATE_H
#define NET_STREAM_DEFLATE_H

#include "net/stream.h"

/* From here on. What was written before is sent as it was, what is buffered of the input is not
 * touched: there should be none. Some 80 KiB of memory. TRY_LATER: the stream has ended. YIELDS. */
enum status stream_start_deflate(struct stream *stream);
bool stream_is_deflated(const struct stream *stream);

#endif
