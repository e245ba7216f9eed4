/* A message with one kind of each multipart/alternative, as pieces of its own bytes: for mail
 * programs that would show the other kind, or both. What is signed or encrypted, and messages
 * inside, stay whole. */
#ifndef MAIL_ALTERNATIVE_H
#define MAIL_ALTERNATIVE_H

#include "base/arena.h"

enum alternative_kind {
    ALTERNATIVE_PLAIN, /* text/plain */
    ALTERNATIVE_HTML,  /* text/html, or multipart/related that begins with it */
};

struct alternative_piece {
    uint64_t offset, length;
};
struct alternative_pieces {
    struct alternative_piece *at;
    unsigned count;
    uint64_t size; /* of all */
};

/* A message that comes apart into more was made to; it stays whole. */
enum { ALTERNATIVE_PIECES_MOST = 16 << 10 };

/* False: the message has no alternatives with that kind, or too many pieces; it is to be shown as
 * it is. out: in arena. */
bool alternative_reduce(struct text message, enum alternative_kind kind, struct arena *arena,
                        struct alternative_pieces *out);

#endif
