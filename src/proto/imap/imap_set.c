#include "proto/imap/imap_set.h"

#include <stdlib.h>

#include "base/array.h"

static bool is_set_char(char byte)
{
    return (byte >= '0' && byte <= '9') || byte == ':' || byte == ',' || byte == '*';
}

static bool read_number(struct text text, uint32_t *out)
{
    *out = 0;
    return text_equals(text, TEXT("*")) || (text_to_u32(text, out) && *out != 0);
}

static bool read_range(struct text text, struct imap_range *out)
{
    size_t colon = text_find(text, ':');
    if (!read_number(text_head(text, colon), &out->first))
        return false;
    out->last = out->first;
    return colon == text.length || read_number(text_from_position(text, colon + 1), &out->last);
}

void imap_lex_set(struct imap_lex *lex, struct imap_set *out)
{
    *out = (struct imap_set){.is_saved = imap_lex_take(lex, '$')};
    if (out->is_saved)
        return;
    struct text run = imap_lex_run(lex, is_set_char, "A set of messages is missing"), part;
    unsigned commas = 0;
    for (size_t i = 0; i < run.length; i++)
        commas += run.data[i] == ',';
    *out = (struct imap_set){
        .ranges = arena_array(&lex->line->arena, commas + 1, sizeof(struct imap_range))};
    if (run.length > 0 && run.data[run.length - 1] == ',')
        imap_lex_fail(lex, "A set of messages is malformed");
    while (lex->error == NULL && text_split(&run, ',', &part))
        if (!read_range(part, &out->ranges[out->count++]))
            imap_lex_fail(lex, "A set of messages is malformed");
}

static int compare_ranges(const void *a, const void *b)
{
    const struct imap_range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

void imap_set_normalise(struct imap_set *set)
{
    unsigned kept = 0;
    if (set->count < 2)
        return;
    qsort(set->ranges, set->count, sizeof(*set->ranges), compare_ranges);
    for (unsigned i = 0; i < set->count; i++) {
        struct imap_range range = set->ranges[i];
        struct imap_range *before = kept > 0 ? &set->ranges[kept - 1] : NULL;
        if (before != NULL && range.first <= before->last + (before->last < UINT32_MAX))
            before->last = before->last < range.last ? range.last : before->last;
        else
            set->ranges[kept++] = range;
    }
    set->count = kept;
}

void imap_set_resolve(struct imap_set *set, uint32_t star)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < set->count; i++) {
        struct imap_range range = set->ranges[i];
        range.first = range.first == 0 ? star : range.first;
        range.last = range.last == 0 ? star : range.last;
        if (range.first > range.last)
            range = (struct imap_range){range.last, range.first};
        range.first += range.first == 0;
        if (range.last != 0)
            set->ranges[kept++] = range;
    }
    set->count = kept;
    imap_set_normalise(set);
}

bool imap_set_to_uids(struct imap_set *set, const struct view *view)
{
    unsigned count = view_count(view);
    bool has_star = false;
    for (unsigned i = 0; i < set->count; i++)
        has_star = has_star || set->ranges[i].first == 0 || set->ranges[i].last == 0;
    imap_set_resolve(set, count);
    /* "1:*" is how clients ask for all, and nothing is all there is. */
    if (count == 0 && has_star && (set->count == 0 || set->ranges[set->count - 1].last == 1)) {
        set->count = 0;
        return true;
    }
    if (set->count == 0 || set->ranges[set->count - 1].last > count)
        return false;
    for (unsigned i = 0; i < set->count; i++) {
        set->ranges[i].first = view_uid(view, set->ranges[i].first);
        set->ranges[i].last = view_uid(view, set->ranges[i].last);
    }
    return true;
}

/* The range that holds the value, or the first one behind it; NULL when there is none. */
static const struct imap_range *find_range(const struct imap_set *set, uint32_t value)
{
    unsigned low = 0, high = set->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (set->ranges[middle].last < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count ? &set->ranges[low] : NULL;
}

bool imap_set_has(const struct imap_set *set, uint32_t value)
{
    const struct imap_range *range = find_range(set, value);
    return range != NULL && range->first <= value;
}

const struct mailbox_entry *imap_set_next(const struct imap_set *set, const struct view *view,
                                          uint32_t after)
{
    const struct imap_range *range;
    uint32_t from = after;
    while (from < UINT32_MAX && (range = find_range(set, from + 1)) != NULL) {
        uint32_t first = range->first > from ? range->first : from + 1;
        const struct mailbox_entry *entry = view_next(view, first);
        if (entry == NULL || entry->uid <= range->last)
            return entry;
        from = entry->uid - 1; /* between the ranges: go on with the one it may be in */
    }
    return NULL;
}

void imap_set_add(struct imap_set_builder *builder, uint32_t value)
{
    imap_set_add_range(builder, value, value);
}

void imap_set_add_range(struct imap_set_builder *builder, uint32_t first, uint32_t last)
{
    struct imap_set *set = &builder->set;
    if (set->count > 0 && set->ranges[set->count - 1].last + 1 == first) {
        set->ranges[set->count - 1].last = last;
        return;
    }
    set->ranges = arena_grow(builder->arena, set->ranges, set->count, sizeof(*set->ranges));
    set->ranges[set->count++] = (struct imap_range){first, last};
}

void imap_set_put(struct buffer *out, const struct imap_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        buffer_printf(out, "%s%u", i > 0 ? "," : "", set->ranges[i].first);
        if (set->ranges[i].last != set->ranges[i].first)
            buffer_printf(out, ":%u", set->ranges[i].last);
    }
}
