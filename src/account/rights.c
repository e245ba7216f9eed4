#include "account/rights.h"

#include <stddef.h>

static const struct {
    char letter;
    unsigned rights;
} letters[] = {
    {'l', RIGHT_LOOKUP},
    {'r', RIGHT_READ},
    {'s', RIGHT_SEEN},
    {'w', RIGHT_WRITE},
    {'i', RIGHT_INSERT},
    {'p', RIGHT_POST},
    {'k', RIGHT_CREATE},
    {'x', RIGHT_DELETE_MAILBOX},
    {'t', RIGHT_DELETE_MESSAGES},
    {'e', RIGHT_EXPUNGE},
    {'a', RIGHT_ADMINISTER},
    {'c', RIGHT_CREATE},
    {'d', RIGHT_DELETE_MAILBOX | RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE},
};
enum { LETTERS = sizeof(letters) / sizeof(*letters) };
_Static_assert(sizeof(letters) / sizeof(*letters) < (size_t)RIGHTS_LETTERS,
               "room for every letter and a NUL");

static unsigned rights_of(char letter)
{
    for (unsigned i = 0; i < LETTERS; i++)
        if (letters[i].letter == letter)
            return letters[i].rights;
    return 0;
}

bool rights_read(struct text text, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned rights = rights_of(text.data[i]);
        if (rights == 0)
            return false;
        *out |= rights;
    }
    return true;
}

const char *rights_write(unsigned rights, char out[RIGHTS_LETTERS])
{
    unsigned length = 0;
    for (unsigned i = 0; i < LETTERS; i++)
        if ((rights & letters[i].rights) != 0)
            out[length++] = letters[i].letter;
    out[length] = '\0';
    return out;
}
