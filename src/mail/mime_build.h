/* The tree of mime_scan, made as the message streams by. Fed in any cutting it is the same. Memory
 * is bounded by the limits, and by how much of each header is looked at. */
#ifndef MAIL_MIME_BUILD_H
#define MAIL_MIME_BUILD_H

#include "mail/mime.h"

struct mime_build;

/* Of a longer header the rest is not looked at; its place in the message is right all the same. */
enum { MIME_HEADER_MAX = 256 << 10 };

/* Told when a part's own header is over and read: a place to set part->note. */
typedef void mime_build_header(void *context, struct mime_part *part, struct text header);

/* The tree will live in arena. header may be NULL. */
struct mime_build *mime_build_new(struct mime_limits limits, struct arena *arena,
                                  mime_build_header *header, void *context);
void mime_build_feed(struct mime_build *build, struct text bytes);
/* After the last byte. Ends it. */
void mime_build_end(struct mime_build **build, struct mime_tree *out);

#endif
