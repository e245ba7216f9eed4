/* Bytes that are handed on in pieces, to whoever can take them or from whoever has them. */
#ifndef BASE_BYTE_PIPE_H
#define BASE_BYTE_PIPE_H

#include "base/buffer.h"
#include "base/status.h"

struct byte_pipe {
    void *context;
    /* Take these. A failure ends the transfer. May YIELD. NULL: it only has bytes. */
    enum status (*give)(void *context, struct text bytes);
    /* Append some more to out; nothing at the end. May YIELD. NULL: it only takes bytes. */
    enum status (*take)(void *context, struct buffer *out);
};

#endif
