/* Text in the charsets that mail is written in, to UTF-8. glibc's iconv converts, with modules that
 * it loads from files; a confined process has none, so it takes hold of them before. */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "base/arena.h"
#include "base/buffer.h"

struct charsets;

/* Load all that charset_to_utf8 can use and keep it loaded. Blocks for some milliseconds; before
 * the sandbox closes. What the system lacks is left out. */
struct charsets *charsets_hold(void);
/* Accepts NULL. */
void charsets_release(struct charsets **charsets);

/* What the whole process reads text as that names no charset. Said once, before any is read; what
 * is not known, as "", is windows-1252, and so it is when nothing is said. */
void charset_guess(struct text name);

/* A charset of the table, under any of its names. */
bool charset_is_known(struct text name);
/* Append bytes as UTF-8. Never fails but for out's limit (then false): what can't be converted is
 * U+FFFD. Without a name, with us-ascii and with a name that is not known, bytes that are UTF-8 are
 * kept, and others are read as what is guessed: windows-1252, which mislabelled mail mostly is, or
 * what charset_guess said. */
bool charset_to_utf8(struct text name, struct text bytes, struct buffer *out);
/* The version (1 to 3) of what is made of such text and kept, as one that no other guess has: what
 * was made with another is not what would be made now. */
uint8_t charset_version(uint8_t version);

#endif
