/* BODY and BODYSTRUCTURE (RFC 9051 7.5.2), and finding a part by its number (6.4.5.1). */
#ifndef PROTO_IMAP_MESSAGE_IMAP_STRUCTURE_H
#define PROTO_IMAP_MESSAGE_IMAP_STRUCTURE_H

#include "proto/imap/message/imap_message.h"

/* is_extended: BODYSTRUCTURE. */
void imap_put_structure(struct buffer *out, const struct mime_part *part, bool is_extended);
/* The part with this number; NULL when there is none. depth 0: the message. */
const struct mime_part *imap_part_find(const struct mime_tree *tree, const uint32_t *number,
                                       unsigned depth);
/* The message that a part holds, or NULL. */
const struct mime_part *imap_part_message(const struct mime_part *part);

#endif
