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

/* What one reader reads text as that names no charset, or one that is not known, and is not UTF-8.
 * A reading has one of its own: threads may read at once. All zeros is windows-1252, which
 * mislabelled mail mostly is. */
struct charset_guess {
    uint8_t charset; /* charset_number */
    bool was_used;   /* such text was met: another guess would have made other text of it */
};

/* The number of a charset of the table, below CHARSETS_MAX: the same for all names of it, today and
 * in what is kept. 0, which is windows-1252, when it is not known. */
enum { CHARSETS_MAX = 64 };
uint8_t charset_number(struct text name);
/* A charset of the table, under any of its names. */
bool charset_is_known(struct text name);
/* Append bytes as UTF-8. Never fails but for out's limit (then false): what can't be converted is
 * U+FFFD. Without a name, with us-ascii and with a name that is not known, bytes that are UTF-8 are
 * kept, and others are read as guess says. NULL: as windows-1252. */
bool charset_to_utf8(struct text name, struct text bytes, struct charset_guess *guess,
                     struct buffer *out);

/* Who can use what was made of text and is kept, as a set of charsets, which may be joined: those
 * who guess one of these; 0: everybody, for nothing was guessed. */
uint64_t charset_readers(const struct charset_guess *guess);
bool charset_is_for(uint64_t readers, uint8_t charset);

#endif
