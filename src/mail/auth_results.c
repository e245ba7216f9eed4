#include "mail/auth_results.h"

#include "mail/header.h"

/* RFC 6532 lets a local part be UTF-8; in a header that may be none its domain must do. */
static struct text writable(struct text value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] < ' ' || value.data[i] > '~')
            return text_from_position(value, text_find_last(value, '@'));
    return value;
}

void auth_results_write(struct text server, const struct auth_result *results, unsigned count,
                        struct buffer *out)
{
    buffer_printf(out, "Authentication-Results: %.*s", TEXT_ARG(server));
    for (unsigned i = 0; i < count; i++) {
        const struct auth_result *result = &results[i];
        struct text value = writable(result->value);
        buffer_printf(out, ";\r\n\t%.*s=%.*s", TEXT_ARG(result->method), TEXT_ARG(result->result));
        if (!text_is_empty(result->property) && !text_is_empty(value))
            buffer_printf(out, " %.*s=%.*s", TEXT_ARG(result->property), TEXT_ARG(value));
    }
    if (count == 0)
        buffer_append(out, TEXT("; none"));
    buffer_append(out, TEXT("\r\n"));
}

/* White space and comments, which nest (RFC 5322 3.2.2). */
static struct text skip_comments(struct text text)
{
    unsigned depth = 0;
    size_t i = 0;
    for (; i < text.length; i++) {
        char c = text.data[i];
        bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (c == '\\' && depth > 0)
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (depth == 0 && !is_space)
            break;
    }
    return text_from_position(text, i);
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The authserv-id, written as a token or in quotes. */
static bool begins_with_id(struct text text, struct text server)
{
    bool is_quoted = text_starts_with(text, TEXT("\""));
    size_t i = is_quoted, matched = 0;
    for (; i < text.length && matched < server.length; i++) {
        if (is_quoted && text.data[i] == '\\' && i + 1 < text.length)
            i++;
        if (lower(text.data[i]) != lower(server.data[matched++]))
            return false;
    }
    if (matched < server.length)
        return false;
    struct text behind = text_from_position(text, i);
    struct text ends = is_quoted ? TEXT("\"") : TEXT("; \t\r\n(");
    return text_is_empty(behind) || text_find(ends, behind.data[0]) < ends.length;
}

/* The body of such a field is of this server. */
static bool is_of_server(struct text body, struct text server)
{
    return begins_with_id(skip_comments(body), server);
}

unsigned auth_results_strip(struct text section, struct text server, struct buffer *out)
{
    unsigned stripped = 0;
    while (!text_is_empty(section)) {
        struct header_field field;
        struct text before = section;
        bool is_field = header_next_valid(&section, &field);
        size_t taken = before.length - section.length;
        bool is_forged = is_field &&
                         text_equals_nocase(field.name, TEXT("Authentication-Results")) &&
                         is_of_server(field.body, server);
        /* Lines that are no field stand before it, and stay. */
        buffer_append(out, text_head(before, is_forged ? taken - field.whole.length : taken));
        stripped += is_forged;
        if (!is_field) {
            buffer_append(out, section);
            break;
        }
    }
    return stripped;
}
