/* Types of values: whom filters are for, and where. */
#include "settings/filter.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"
#include "settings/names.h"
#include "settings/parser.h"
#include "settings/settings.h"
#include "settings/types.h"

const char *const setting_filter_words[] = {"connection", "sender",    "recipient",
                                            "spf",        "sender-id", NULL};

enum { AT_MOST = 16, LOCAL_PART_MAX = 64 };
/* Of a code, what tells one reason for being listed from another. */
#define CODE_BITS UINT32_C(0x00ffffff)

/* ---- user@example.org, *@example.org, example.org, user@* ---- */

static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
            return false;
    return true;
}

static bool parse_pattern(struct setting_reader *in, void *value)
{
    struct arena *arena = &in->parser->object->arena;
    struct setting_pattern *pattern = value;
    struct text word = setting_reader_take(in);
    size_t at = text_find_last(word, '@');
    struct text local_part = at < word.length ? text_head(word, at) : TEXT("*");
    struct text domain = at < word.length ? text_from_position(word, at + 1) : word;
    bool is_any = text_equals(domain, TEXT("*"));
    if (!text_equals(local_part, TEXT("*")))
        pattern->local_part = arena_copy(arena, local_part);
    pattern->domain = TEXT("*");
    if (local_part.length == 0 || local_part.length > LOCAL_PART_MAX || !is_printable(local_part) ||
        (is_any ? at == word.length : !setting_space_normalise(domain, arena, &pattern->domain)))
        return setting_reader_no_value(
            in, word, "write it like user@example.net, *@example.net, *.example.net or user@*");
    pattern->written =
        arena_printf(arena, "%.*s@%.*s", TEXT_ARG(local_part), TEXT_ARG(pattern->domain));
    return true;
}

static void write_pattern(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_pattern *pattern = value;
    unused(row);
    setting_word_write(pattern->written, false, out);
}

/* ---- answers of block lists ---- */

static bool parse_code(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    struct net_address address;
    if (!net_address_parse(word, 0, &address) || address.any.sa_family != AF_INET ||
        !net_address_is_loopback(&address))
        return setting_reader_no_value(in, word, "write an answer of the list, like 127.0.0.2");
    *(uint32_t *)value = ntohl(address.v4.sin_addr.s_addr);
    return true;
}

static bool parse_mask(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    struct net_address address;
    if (net_address_parse(word, 0, &address) && address.any.sa_family == AF_INET)
        *(uint32_t *)value = ntohl(address.v4.sin_addr.s_addr) & CODE_BITS;
    if (*(uint32_t *)value != 0)
        return true;
    return setting_reader_no_value(in, word, "write the bits of the answers, like 0.0.0.6");
}

static void write_code(const struct setting_row *row, const void *value, struct buffer *out)
{
    uint32_t code = *(const uint32_t *)value;
    unused(row);
    if (code != 0)
        buffer_printf(out, "%u.%u.%u.%u", code >> 24, code >> 16 & 255, code >> 8 & 255,
                      code & 255);
}

/* ---- WORD ... [at ADDRESS ...] ---- */

/* The bit of the word that is next; 0: it is none of a filter. */
static uint32_t filter_at(const struct setting_reader *in)
{
    for (unsigned i = 0; setting_filter_words[i] != NULL; i++)
        if (setting_reader_at(in, setting_filter_words[i]))
            return UINT32_C(1) << i;
    return 0;
}

static bool take_address(struct setting_reader *in, struct setting_filter_use *use)
{
    struct text word = setting_reader_take(in);
    if (use->at_count == AT_MOST)
        return setting_reader_error(in, TEXT(""), "%s has more than %d addresses",
                                    setting_reader_where(in), AT_MOST);
    if (!net_address_parse_endpoint(word, 0, &use->at[use->at_count]))
        return setting_reader_no_value(in, word, "write it as the server's listen statement does");
    use->at_count++;
    return true;
}

static bool parse_use(struct setting_reader *in, void *value)
{
    struct setting_filter_use *use = value;
    uint32_t bit;
    if (filter_at(in) == 0) {
        struct text word = setting_reader_take(in);
        return setting_reader_no_value(in, word,
                                       "the filters are connection, sender and recipient");
    }
    while ((bit = filter_at(in)) != 0) {
        use->filters |= bit;
        in->next++;
    }
    if (!setting_reader_at(in, "at"))
        return true;
    in->next++;
    use->at = arena_array(&in->parser->object->arena, AT_MOST, sizeof(*use->at));
    while (setting_reader_peek(in) != NULL && filter_at(in) == 0)
        if (!take_address(in, use))
            return false;
    if (use->at_count == 0)
        return setting_reader_error(in, TEXT("write: at 192.0.2.1:25"),
                                    "%s: an address is missing behind 'at'",
                                    setting_reader_where(in));
    return true;
}

static void write_use(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_filter_use *use = value;
    char address[NET_ADDRESS_TEXT_BYTES];
    bool is_first = true;
    unused(row);
    for (unsigned i = 0; setting_filter_words[i] != NULL; i++) {
        if ((use->filters & UINT32_C(1) << i) == 0)
            continue;
        buffer_printf(out, "%s%s", is_first ? "" : " ", setting_filter_words[i]);
        is_first = false;
    }
    if (use->at_count > 0)
        buffer_append(out, TEXT(" at"));
    for (unsigned i = 0; i < use->at_count; i++) {
        buffer_append_byte(out, ' ');
        setting_word_write(text_from(net_address_text(&use->at[i], address)), false, out);
    }
}

const struct setting_type setting_type_patterns = {.syntax = "ADDRESS|DOMAIN ...",
                                                   .size = sizeof(struct setting_pattern),
                                                   .list = true,
                                                   .parse = parse_pattern,
                                                   .write = write_pattern};
const struct setting_type setting_type_codes = {.syntax = "127.0.0.N ...",
                                                .size = sizeof(uint32_t),
                                                .list = true,
                                                .parse = parse_code,
                                                .write = write_code};
const struct setting_type setting_type_mask = {
    .syntax = "0.0.0.N", .parse = parse_mask, .write = write_code};
const struct setting_type setting_type_filter_uses = {.syntax = "connection|sender|recipient ... "
                                                                "[at ADDRESS:PORT ...]",
                                                      .size = sizeof(struct setting_filter_use),
                                                      .list = true,
                                                      .parse = parse_use,
                                                      .write = write_use};
