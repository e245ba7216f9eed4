/* The structure of a message (RFC 2045-2049): a tree of parts with their places in the bytes.
 * Nothing is decoded or changed. Linear in time and bounded in memory, whatever the bytes are. */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "mail/mime_field.h"

enum mime_encoding {
    MIME_7BIT,
    MIME_8BIT,
    MIME_BINARY,
    MIME_BASE64,
    MIME_QUOTED_PRINTABLE,
    MIME_ENCODING_UNKNOWN
};

struct mime_part {
    struct mime_part *parent, *first_child, *last_child, *next;
    unsigned depth; /* 0: the message itself */

    /* Offsets in the message. The header includes its blank line; the body follows it, without
     * the line end that belongs to the boundary behind it (RFC 2046 5.1.1). Children lie inside
     * the body of their parent, in order, and do not overlap. */
    size_t header_start, header_length;
    size_t body_start, body_length;
    size_t body_lines; /* line ends in the body */

    /* type.value is "text", type.subtype "plain": never empty. A part with children is a
     * multipart, or a message/rfc822 (or message/global) with the message as its one child. Those
     * types without children are opaque: no boundary was found, the message is encoded, there is
     * no body, or a limit was reached. */
    struct mime_field type;
    struct mime_field disposition;
    enum mime_encoding encoding;

    /* Fields as they stand, unfolded; "" when absent. */
    struct text encoding_name, id, description, md5, language, location;

    struct text note; /* for whoever made the tree; "" */
};

struct mime_limits {
    unsigned max_depth;
    unsigned max_parts;
};
#define MIME_LIMITS_DEFAULT ((struct mime_limits){.max_depth = 100, .max_parts = 10000})

struct mime_tree {
    struct mime_part *root;
    unsigned part_count;
    bool is_cut; /* a limit was reached: what lies beyond is left inside its parent's body */
};

/* Scan a whole message. Always gives a root. The tree lives in arena and borrows nothing from the
 * message. */
void mime_scan(struct text message, struct mime_limits limits, struct arena *arena,
               struct mime_tree *out);
/* Fill in what a part's own header says; its parent is set. Of fields that stand there twice, the
 * first counts. */
void mime_part_read(struct mime_part *part, struct text header, struct arena *arena);
/* What a Content-Transfer-Encoding field's body means; absent (""): 7bit. */
enum mime_encoding mime_encoding_of(struct text name);
/* The boundary of a multipart, or "" when there is none to go by. RFC 2046 5.1.1 allows 70 bytes;
 * longer ones are seen, and cost no more than this. */
enum { MIME_BOUNDARY_MAX = 250 };
struct text mime_usable_boundary(const struct mime_field *type);
/* A message inside, unless it is encoded: then its structure is not in these bytes. */
bool mime_holds_message(const struct mime_field *type, enum mime_encoding encoding);
/* The next part in the order of the message, parents first; NULL after the last. */
struct mime_part *mime_part_next(const struct mime_part *part);

#endif
