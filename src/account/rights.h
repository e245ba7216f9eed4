/* Rights on mailboxes as letters (RFC 4314): what an identifier may do. */
#ifndef ACCOUNT_RIGHTS_H
#define ACCOUNT_RIGHTS_H

#include <stdbool.h>

#include "base/text.h"

enum right {
    RIGHT_LOOKUP = 1,            /* l: it is listed */
    RIGHT_READ = 2,              /* r: SELECT, STATUS, COPY from it */
    RIGHT_SEEN = 4,              /* s: \Seen */
    RIGHT_WRITE = 8,             /* w: other flags and keywords */
    RIGHT_INSERT = 16,           /* i: APPEND, COPY into it */
    RIGHT_POST = 32,             /* p: kept; nothing is posted by address */
    RIGHT_CREATE = 64,           /* k: mailboxes below */
    RIGHT_DELETE_MAILBOX = 128,  /* x: also RENAME */
    RIGHT_DELETE_MESSAGES = 256, /* t: \Deleted */
    RIGHT_EXPUNGE = 512,         /* e */
    RIGHT_ADMINISTER = 1024,     /* a: see and set rights */
    RIGHTS_ALL = 2047,
    /* Any of these makes a mailbox more than readable. */
    RIGHTS_OF_CHANGE =
        RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE,
};

/* Letters to bits; c and d of RFC 2086 are k, and x t e (RFC 4314 2.1.1). False: a letter is not
 * known. */
bool rights_read(struct text letters, unsigned *out);
enum { RIGHTS_LETTERS = 16 };
/* The letters, NUL-ended, c and d behind where a right of theirs is there. Returns out. */
const char *rights_write(unsigned rights, char out[RIGHTS_LETTERS]);

#endif
