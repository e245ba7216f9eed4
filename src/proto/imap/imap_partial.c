#include "proto/imap/imap_partial.h"

void imap_lex_partial(struct imap_lex *lex, struct imap_partial *out)
{
    imap_lex_space(lex);
    int64_t sign = imap_lex_take(lex, '-') ? -1 : 1;
    out->first = sign * imap_lex_nonzero(lex);
    imap_lex_expect(lex, ':');
    if (sign < 0)
        imap_lex_expect(lex, '-');
    out->last = sign * imap_lex_nonzero(lex);
}

void imap_partial_take(const struct imap_partial *partial, const struct imap_set *of,
                       uint32_t count, struct imap_set_builder *out)
{
    int64_t from_end = partial->first < 0 ? (int64_t)count + 1 : 0;
    int64_t first = partial->first + from_end, last = partial->last + from_end, place = 1;
    int64_t low = first < last ? first : last, high = first < last ? last : first;
    for (unsigned i = 0; i < of->count && place <= high; i++)
        for (uint32_t value = of->ranges[i].first; value <= of->ranges[i].last; value++, place++)
            if (place >= low && place <= high)
                imap_set_add(out, value);
}
