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

static uint32_t within(int64_t place, uint32_t count)
{
    return place < 0 ? 0 : place > count ? count : (uint32_t)place;
}

void imap_partial_bounds(const struct imap_partial *partial, uint32_t count, uint32_t *first,
                         uint32_t *end)
{
    int64_t from_end = partial->first < 0 ? (int64_t)count + 1 : 0;
    int64_t a = partial->first + from_end, b = partial->last + from_end;
    *first = within((a < b ? a : b) - 1, count);
    *end = within(a < b ? b : a, count);
}

void imap_partial_take(const struct imap_partial *partial, const struct imap_set *of,
                       uint32_t count, struct imap_set_builder *out)
{
    uint32_t first, end, place = 0;
    imap_partial_bounds(partial, count, &first, &end);
    for (unsigned i = 0; i < of->count && place < end; i++)
        for (uint32_t value = of->ranges[i].first; value <= of->ranges[i].last; value++, place++)
            if (place >= first && place < end)
                imap_set_add(out, value);
}
