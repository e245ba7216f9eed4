#include "mail/terms.h"

enum {
    HEAD_8BIT = 1,
    HEAD_INTERNATIONAL = 2,
    HEAD_RETURN_HEADERS = 4,
    HEAD_TAIL = 8, /* a tail follows */
    HEAD_KNOWN = 15,
};

enum {
    TAIL_BINARY = 1,
    TAIL_REQUIRES_TLS = 2,
    TAIL_TLS_IS_OPTIONAL = 4,
    TAIL_BY_RETURN = 8,
    TAIL_BY_NOTIFY = 16,
    TAIL_BY_TRACE = 32,
    TAIL_PROPERTIES = 64, /* they follow */
};

enum { SUBMITTER_MAX = 500 };

static unsigned tail_bits(const struct mail_terms *terms)
{
    return (terms->body == MAIL_BODY_BINARY ? TAIL_BINARY : 0u) |
           (terms->requires_tls ? TAIL_REQUIRES_TLS : 0u) |
           (terms->tls_is_optional ? TAIL_TLS_IS_OPTIONAL : 0u) |
           (terms->by == MAIL_BY_RETURN ? TAIL_BY_RETURN : 0u) |
           (terms->by == MAIL_BY_NOTIFY ? TAIL_BY_NOTIFY : 0u) |
           (terms->by_trace ? TAIL_BY_TRACE : 0u) |
           (text_is_empty(terms->properties) ? 0u : TAIL_PROPERTIES);
}

/* Most messages have none of what the tail holds, and then cost nothing for it. */
static bool has_tail(const struct mail_terms *terms)
{
    return tail_bits(terms) != 0 || terms->priority != 0 || terms->hold_until_ms != 0 ||
           !text_is_empty(terms->submitter);
}

void mail_terms_put_head(struct buffer *out, const struct mail_terms *terms)
{
    unsigned bits = (terms->body != MAIL_BODY_7BIT ? HEAD_8BIT : 0u) |
                    (terms->is_international ? HEAD_INTERNATIONAL : 0u) |
                    (terms->return_headers_only ? HEAD_RETURN_HEADERS : 0u) |
                    (has_tail(terms) ? HEAD_TAIL : 0u);
    wire_put_u8(out, (uint8_t)bits);
}

void mail_terms_put_tail(struct buffer *out, const struct mail_terms *terms)
{
    if (!has_tail(terms))
        return;
    wire_put_u8(out, (uint8_t)tail_bits(terms));
    wire_put_u8(out, (uint8_t)(terms->priority - MAIL_PRIORITY_LEAST));
    wire_put_u64(out, (uint64_t)terms->by_ms);
    wire_put_u64(out, (uint64_t)terms->hold_until_ms);
    wire_put_text(out, terms->submitter);
    if (!text_is_empty(terms->properties))
        wire_put_text(out, terms->properties);
}

bool mail_terms_get_head(struct wire_reader *in, struct mail_terms *out)
{
    uint8_t bits = wire_get_u8(in);
    if ((bits & ~HEAD_KNOWN) != 0)
        in->bad = true;
    out->body = (bits & HEAD_8BIT) != 0 ? MAIL_BODY_8BIT : MAIL_BODY_7BIT;
    out->is_international = (bits & HEAD_INTERNATIONAL) != 0;
    out->return_headers_only = (bits & HEAD_RETURN_HEADERS) != 0;
    return (bits & HEAD_TAIL) != 0;
}

static bool is_instant(int64_t wall_ms)
{
    static const int64_t year_10000 = 253402300800000;
    return wall_ms >= 0 && wall_ms < year_10000;
}

void mail_terms_get_tail(struct wire_reader *in, struct mail_terms *out)
{
    uint8_t bits = wire_get_u8(in);
    uint8_t priority = wire_get_u8(in);
    out->by_ms = (int64_t)wire_get_u64(in);
    out->hold_until_ms = (int64_t)wire_get_u64(in);
    out->submitter = wire_get_text(in);
    out->properties = (bits & TAIL_PROPERTIES) != 0 ? wire_get_text(in) : TEXT("");
    bool is_8bit = out->body == MAIL_BODY_8BIT;
    if ((bits & TAIL_BINARY) != 0)
        out->body = MAIL_BODY_BINARY;
    out->requires_tls = (bits & TAIL_REQUIRES_TLS) != 0;
    out->tls_is_optional = (bits & TAIL_TLS_IS_OPTIONAL) != 0;
    if ((bits & TAIL_BY_NOTIFY) != 0)
        out->by = MAIL_BY_NOTIFY;
    if ((bits & TAIL_BY_RETURN) != 0)
        out->by = MAIL_BY_RETURN;
    out->by_trace = (bits & TAIL_BY_TRACE) != 0;
    out->priority = priority + MAIL_PRIORITY_LEAST;
    bool makes_sense =
        bits == tail_bits(out) && has_tail(out) && (is_8bit || out->body != MAIL_BODY_BINARY);
    if (!makes_sense || priority > MAIL_PRIORITY_MOST - MAIL_PRIORITY_LEAST ||
        !is_instant(out->by_ms) || !is_instant(out->hold_until_ms) ||
        out->submitter.length > SUBMITTER_MAX || out->properties.length > MAIL_PROPERTIES_MAX)
        in->bad = true;
}

bool mail_priority_parse(struct text text, int *out)
{
    bool is_negative = text_starts_with(text, TEXT("-"));
    struct text digit = text_from_position(text, is_negative);
    if (digit.length != 1 || digit.data[0] < '0' + is_negative || digit.data[0] > '9')
        return false;
    *out = (digit.data[0] - '0') * (is_negative ? -1 : 1);
    return true;
}
