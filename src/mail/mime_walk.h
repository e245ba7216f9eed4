/* The structure of a message as it streams by: the same parts as mime_scan finds, without the
 * message being in memory. Fed in any cutting, the events are the same but for how pieces are cut.
 */
#ifndef MAIL_MIME_WALK_H
#define MAIL_MIME_WALK_H

#include "mail/mime.h"

struct mime_walk;

enum mime_walk_kind {
    MIME_LEAF,      /* has a body of its own */
    MIME_MULTIPART, /* has parts, and text around them that nobody is shown */
    MIME_MESSAGE,   /* message/rfc822 and message/global: their one part follows the header */
};

struct mime_walk_part {
    unsigned number; /* in order of appearance, from 0: the message */
    int parent;      /* its number; -1: none */
    /* From MIME_WALK_HEADER_END on. */
    enum mime_walk_kind kind;
    enum mime_encoding encoding;
    bool has_type;
    struct mime_field type; /* during that event only */
};

/* Bytes come with all but PART, PART_END and CUT, and put together they are the message. */
enum mime_walk_event {
    MIME_WALK_PART,        /* one begins with its header */
    MIME_WALK_HEADER,      /* a line of it, or the start of a long one, */
    MIME_WALK_HEADER_MORE, /* which goes on */
    MIME_WALK_HEADER_END,  /* the blank line; does not come when a header is cut off */
    MIME_WALK_BODY,        /* a piece of a leaf's body */
    MIME_WALK_AROUND,      /* a piece of what stands before and behind a multipart's parts */
    MIME_WALK_PART_END,
    MIME_WALK_LINE_END,      /* that belongs to the boundary which follows */
    MIME_WALK_BOUNDARY,      /* its line, or the start of a long one, */
    MIME_WALK_BOUNDARY_MORE, /* which goes on */
    MIME_WALK_CUT,           /* a limit was reached: what follows is not told as it is */
};

typedef void mime_walk_take(void *context, const struct mime_walk_part *part,
                            enum mime_walk_event event, struct text bytes);

struct mime_walk *mime_walk_new(struct mime_limits limits, mime_walk_take *take, void *context);
void mime_walk_feed(struct mime_walk *walk, struct text bytes);
/* The message ends here. */
void mime_walk_end(struct mime_walk *walk);
/* Accepts NULL. */
void mime_walk_free(struct mime_walk **walk);

#endif
