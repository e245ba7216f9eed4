/* Patterns of mailbox names (RFC 9051 6.3.9): "*" is anything, "%" anything within a level. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_PATTERN_H
#define PROTO_IMAP_MAILBOX_IMAP_PATTERN_H

#include "base/text.h"

enum { IMAP_PATTERN_MAX = 500 };

/* Linear in name times pattern. A pattern longer than IMAP_PATTERN_MAX matches nothing. */
bool imap_pattern_matches(struct text pattern, struct text name);

#endif
