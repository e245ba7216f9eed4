#include "decide/spf_macro.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* One piece of a macro string: bytes as they are, or a macro with its transformers. */
struct piece {
    struct text literal;
    bool is_macro; /* begins with "%" */
    char letter;   /* lower case; '\0': the literal */
    bool is_escaped;
    bool is_reversed;
    uint32_t keep;          /* parts from the right; 0: all */
    struct text delimiters; /* "" means "." */
};

static bool is_delimiter_of_macros(char c)
{
    return c != '\0' && strchr(".-+,/_=", c) != NULL;
}

static bool is_letter_of(char letter, enum spf_macro_kind kind)
{
    const char *letters = kind == SPF_MACRO_EXPLANATION ? "slodiphvcrt" : "slodiphv";
    return letter != '\0' && strchr(letters, letter) != NULL;
}

/* 7.1: transformers = *DIGIT [ "r" ]. More parts than any name has are all of them. */
static bool take_digits(struct text *inside, uint32_t *keep)
{
    size_t count = 0;
    *keep = 0;
    while (count < inside->length && inside->data[count] >= '0' && inside->data[count] <= '9') {
        if (*keep < 1000)
            *keep = *keep * 10 + (uint32_t)(inside->data[count] - '0');
        count++;
    }
    *inside = text_from_position(*inside, count);
    return count == 0 || *keep > 0;
}

/* What stands between the braces. */
static bool take_macro(struct text inside, enum spf_macro_kind kind, struct piece *piece)
{
    if (text_is_empty(inside))
        return false;
    char letter = inside.data[0];
    piece->is_escaped = letter >= 'A' && letter <= 'Z';
    piece->letter = (char)tolower((unsigned char)letter);
    if (!is_letter_of(piece->letter, kind))
        return false;
    inside = text_from_position(inside, 1);
    if (!take_digits(&inside, &piece->keep))
        return false;
    piece->is_reversed = text_starts_with_nocase(inside, TEXT("r"));
    piece->delimiters = text_from_position(inside, piece->is_reversed);
    for (size_t i = 0; i < piece->delimiters.length; i++)
        if (!is_delimiter_of_macros(piece->delimiters.data[i]))
            return false;
    return true;
}

static bool take_percent(struct text *rest, enum spf_macro_kind kind, struct piece *piece)
{
    char second = rest->length > 1 ? rest->data[1] : '\0';
    piece->is_macro = true;
    if (second == '{') {
        size_t end = text_find(*rest, '}');
        struct text inside = text_from_position(text_head(*rest, end), 2);
        bool is_closed = end < rest->length;
        *rest = text_from_position(*rest, end + 1);
        return is_closed && take_macro(inside, kind, piece);
    }
    *rest = text_from_position(*rest, 2);
    piece->literal = second == '%'   ? TEXT("%")
                     : second == '_' ? TEXT(" ")
                     : second == '-' ? TEXT("%20")
                                     : TEXT("");
    return !text_is_empty(piece->literal);
}

/* Take the next piece off *rest, which is not empty. False when it is malformed. */
static bool take_piece(struct text *rest, enum spf_macro_kind kind, struct piece *piece)
{
    *piece = (struct piece){0};
    if (rest->data[0] == '%')
        return take_percent(rest, kind, piece);
    size_t length = text_find(*rest, '%');
    piece->literal = text_head(*rest, length);
    *rest = text_from_position(*rest, length);
    for (size_t i = 0; i < length; i++) {
        char c = piece->literal.data[i];
        bool is_space = c == ' ' && kind == SPF_MACRO_EXPLANATION;
        if (!is_space && (c < '!' || c > '~'))
            return false;
    }
    return true;
}

/* 7.1: toplabel: letters, digits and inner hyphens, not digits alone. */
static bool is_top_label(struct text label)
{
    bool has_other = false;
    for (size_t i = 0; i < label.length; i++) {
        unsigned char c = (unsigned char)label.data[i];
        if (!isalnum(c) && c != '-')
            return false;
        has_other = has_other || !isdigit(c);
    }
    return has_other && label.data[0] != '-' && label.data[label.length - 1] != '-';
}

/* 7.1: domain-end, when the last piece is no macro. */
static bool ends_like_name(struct text literal)
{
    if (!text_is_empty(literal) && literal.data[literal.length - 1] == '.')
        literal.length--;
    size_t dot = text_find_last(literal, '.');
    return dot < literal.length && is_top_label(text_from_position(literal, dot + 1));
}

bool spf_macro_check(struct text string, enum spf_macro_kind kind)
{
    struct piece piece = {0};
    while (!text_is_empty(string))
        if (!take_piece(&string, kind, &piece))
            return false;
    return kind != SPF_MACRO_DOMAIN || piece.is_macro || ends_like_name(piece.literal);
}

bool spf_macro_has(struct text string, char letter)
{
    struct piece piece;
    while (!text_is_empty(string) && take_piece(&string, SPF_MACRO_EXPLANATION, &piece))
        if (piece.letter == letter)
            return true;
    return false;
}

/* Values */

static struct text ip_value(const struct net_address *ip, char out[NET_ADDRESS_TEXT_BYTES])
{
    if (ip->any.sa_family == AF_INET)
        return text_from(net_address_literal(ip, out));
    for (unsigned i = 0; i < 16; i++)
        snprintf(out + 4 * i, 5, "%x.%x.", ip->v6.sin6_addr.s6_addr[i] >> 4,
                 ip->v6.sin6_addr.s6_addr[i] & 15);
    return text_of(out, 16 * 4 - 1);
}

static struct text value_of(char letter, const struct spf_names *names,
                            char scratch[NET_ADDRESS_TEXT_BYTES])
{
    size_t at = text_find_last(names->sender, '@');
    switch (letter) {
    case 's':
        return names->sender;
    case 'l':
        return text_head(names->sender, at);
    case 'o':
        return text_from_position(names->sender, at + 1);
    case 'd':
        return names->domain;
    case 'i':
        return ip_value(names->ip, scratch);
    case 'p':
        return names->validated;
    case 'h':
        return names->helo;
    case 'v':
        return names->ip->any.sa_family == AF_INET ? TEXT("in-addr") : TEXT("ip6");
    case 'r':
        return names->receiver;
    case 'c':
        net_address_literal(names->ip, scratch);
        return text_from(scratch + (text_starts_with(text_from(scratch), TEXT("IPv6:")) ? 5 : 0));
    default: /* 't', the last that take_macro lets pass */
        snprintf(scratch, NET_ADDRESS_TEXT_BYTES, "%lld", (long long)names->now_s);
        return text_from(scratch);
    }
}

/* Transformers */

static bool parts_at(struct text delimiters, char c)
{
    return text_is_empty(delimiters) ? c == '.' : text_find(delimiters, c) < delimiters.length;
}

/* The first parts of a value, so many. */
static struct text head_parts(struct text value, struct text delimiters, uint32_t count)
{
    for (size_t i = 0; i < value.length; i++)
        if (parts_at(delimiters, value.data[i]) && --count == 0)
            return text_head(value, i);
    return value;
}

static struct text tail_parts(struct text value, struct text delimiters, uint32_t count)
{
    for (size_t i = value.length; i > 0; i--)
        if (parts_at(delimiters, value.data[i - 1]) && --count == 0)
            return text_from_position(value, i);
    return value;
}

/* 7.3: reserved characters (RFC 3986 2.3 has those that are not) become %XX. */
static void put_byte(struct buffer *out, char c, bool is_escaped)
{
    unsigned char byte = (unsigned char)c;
    if (!is_escaped || isalnum(byte) || (c != '\0' && strchr("-._~", c) != NULL))
        buffer_append_byte(out, c);
    else
        buffer_printf(out, "%%%02X", byte);
}

static void put_part(struct buffer *out, struct text part, bool is_escaped)
{
    for (size_t i = 0; i < part.length; i++)
        put_byte(out, part.data[i], is_escaped);
}

static void put_reversed(struct buffer *out, const struct piece *piece, struct text value)
{
    for (;;) {
        struct text last = tail_parts(value, piece->delimiters, 1);
        put_part(out, last, piece->is_escaped);
        if (last.length == value.length)
            return;
        buffer_append_byte(out, '.');
        value = text_head(value, value.length - last.length - 1);
    }
}

/* 7.3: split, maybe reverse, keep some from the right, join with ".". Reversed, those on the right
 * are those that stood on the left. */
static void put_macro(struct buffer *out, const struct piece *piece, struct text value)
{
    if (piece->is_reversed) {
        if (piece->keep > 0)
            value = head_parts(value, piece->delimiters, piece->keep);
        put_reversed(out, piece, value);
        return;
    }
    if (piece->keep > 0)
        value = tail_parts(value, piece->delimiters, piece->keep);
    for (size_t i = 0; i < value.length; i++)
        put_byte(out, parts_at(piece->delimiters, value.data[i]) ? '.' : value.data[i],
                 piece->is_escaped);
}

bool spf_macro_expand(struct text string, enum spf_macro_kind kind, const struct spf_names *names,
                      struct buffer *out)
{
    char scratch[NET_ADDRESS_TEXT_BYTES];
    while (!text_is_empty(string)) {
        struct piece piece;
        if (out->overflowed || !take_piece(&string, kind, &piece))
            return false;
        if (piece.letter == '\0')
            buffer_append(out, piece.literal);
        else
            put_macro(out, &piece, value_of(piece.letter, names, scratch));
    }
    return !out->overflowed;
}
