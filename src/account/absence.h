/* Out of office: what a user has answered for him while he is away. It is kept beside his scripts
 * and becomes a script of its own, so that nothing of his is touched; it runs behind his. To whom
 * nothing is answered, and not twice in how many days, are rules of vacation (RFC 5230, RFC 3834).
 */
#ifndef ACCOUNT_ABSENCE_H
#define ACCOUNT_ABSENCE_H

#include "account/account.h"

enum { ABSENCE_TEXT_MAX = 64 << 10, ABSENCE_SUBJECT_MAX = 200, ABSENCE_DAYS = 7 };

struct absence {
    bool is_on;
    bool answers_outside;        /* who writes from another domain than the user's gets an answer */
    int64_t from_ms, until_ms;   /* wall; 0: open */
    int64_t set_ms;              /* when it was switched on: from then on all are answered anew */
    uint32_t days;               /* before the same sender is answered again */
    struct text subject;         /* "": the message's, after "Auto: " */
    struct text inside, outside; /* UTF-8; for his own domain, and for others. "": the other one */
};

/* The user's, in arena; false: he has none, and *out is what a new one is. */
bool absence_get(struct store *store, struct text user, struct arena *arena, struct absence *out);
/* REFUSED: it has no text, too long a one or no UTF-8, or ends before it begins. YIELDS. */
enum status absence_set(struct store *store, struct text user, const struct absence *absence);
/* A value (store/value.h) of this name is it. */
bool absence_is_value(struct text name);

/* It holds now. */
bool absence_is_now(const struct absence *absence, int64_t now_ms);
/* The script that answers, in arena. */
struct text absence_script(const struct absence *absence, struct text user, struct arena *arena);

/* As it is kept, and goes into an archive. */
void absence_encode(const struct absence *absence, struct buffer *out);
bool absence_decode(struct text bytes, struct absence *out);

#endif
