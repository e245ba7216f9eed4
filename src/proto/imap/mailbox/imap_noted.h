/* The notes on a mailbox or the server (RFC 5464) as a client knows them: held against what is
 * noted now, they tell which of them changed (RFC 5465 5.6, 5.7). */
#ifndef PROTO_IMAP_MAILBOX_IMAP_NOTED_H
#define PROTO_IMAP_MAILBOX_IMAP_NOTED_H

#include "account/annotation.h"

enum { IMAP_NOTED_MAX = 2 * ANNOTATIONS_MAX * (ANNOTATION_NAME_MAX + 1) }; /* bytes of a telling */

struct imap_noted;

/* Nothing is known yet. */
struct imap_noted *imap_noted_new(void);
/* Accepts NULL. */
void imap_noted_free(struct imap_noted **noted);
/* Append " /shared/comment" for each entry that is new, has another value or is gone; then what is
 * noted now is known. Does not YIELD. */
void imap_noted_compare(struct imap_noted *noted, const struct annotation_scope *scope,
                        struct buffer *out);

#endif
