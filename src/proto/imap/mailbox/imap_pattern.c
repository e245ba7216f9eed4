#include "proto/imap/mailbox/imap_pattern.h"

#include <string.h>

/* All places of the pattern that the name so far can have led to, side by side. */
struct places {
    bool at[IMAP_PATTERN_MAX + 1];
};

static bool is_wildcard(char c)
{
    return c == '*' || c == '%';
}

/* A wildcard may stand for nothing. */
static void add_place(struct places *places, struct text pattern, size_t at)
{
    places->at[at] = true;
    while (at < pattern.length && is_wildcard(pattern.data[at]) && !places->at[at + 1])
        places->at[++at] = true;
}

static bool step(struct text pattern, const struct places *from, char c, struct places *to)
{
    bool any = false;
    memset(to, 0, sizeof(*to));
    for (size_t at = 0; at < pattern.length; at++) {
        if (!from->at[at])
            continue;
        char wanted = pattern.data[at];
        bool stays = wanted == '*' || (wanted == '%' && c != '/');
        if (stays)
            add_place(to, pattern, at);
        else if (wanted == c && wanted != '%')
            add_place(to, pattern, at + 1);
        else
            continue;
        any = true;
    }
    return any;
}

bool imap_pattern_matches(struct text pattern, struct text name)
{
    struct places places[2];
    if (pattern.length > IMAP_PATTERN_MAX)
        return false;
    memset(&places[0], 0, sizeof(places[0]));
    add_place(&places[0], pattern, 0);
    for (size_t i = 0; i < name.length; i++)
        if (!step(pattern, &places[i % 2], name.data[i], &places[(i + 1) % 2]))
            return false;
    return places[name.length % 2].at[pattern.length];
}
