#include "mail/address_list.h"

#include "base/buffer.h"

enum { COMMENT_DEPTH_MAX = 50 };

/* An entry being read. What is read may turn out to be a phrase or an address, so both are kept. */
struct reading {
    struct text rest;
    struct buffer phrase, local, domain, comment, route;
    bool has_at, has_space; /* white space since the last word of the phrase */
};

static void reading_init(struct reading *in, struct text rest)
{
    *in = (struct reading){.rest = rest};
    struct buffer *const buffers[] = {&in->phrase, &in->local, &in->domain, &in->comment,
                                      &in->route};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        buffer_init(buffers[i], rest.length + 1);
}

static void reading_finish(struct reading *in)
{
    buffer_finish(&in->phrase);
    buffer_finish(&in->local);
    buffer_finish(&in->domain);
    buffer_finish(&in->comment);
    buffer_finish(&in->route);
}

static char take(struct reading *in)
{
    char c = in->rest.data[0];
    in->rest = text_from_position(in->rest, 1);
    return c;
}

/* Behind "(". Comments nest; the text of the last one stays. */
static void take_comment(struct reading *in)
{
    unsigned depth = 1;
    buffer_reset(&in->comment, SIZE_MAX);
    while (in->rest.length > 0) {
        char c = take(in);
        if (c == '\\' && in->rest.length > 0)
            c = take(in);
        else if (c == '(' && depth < COMMENT_DEPTH_MAX)
            depth++;
        else if (c == ')' && --depth == 0)
            return;
        buffer_append_byte(&in->comment, c);
    }
}

/* Behind a quote. */
static void take_quoted(struct reading *in, struct buffer *to, struct buffer *also)
{
    while (in->rest.length > 0) {
        char c = take(in);
        if (c == '"')
            return;
        if (c == '\\' && in->rest.length > 0)
            c = take(in);
        buffer_append_byte(to, c);
        if (also != NULL)
            buffer_append_byte(also, c);
    }
}

/* Behind "[": white space inside means nothing. */
static void take_literal(struct reading *in)
{
    buffer_append_byte(&in->domain, '[');
    while (in->rest.length > 0) {
        char c = take(in);
        if (c != ' ' && c != '\t')
            buffer_append_byte(&in->domain, c);
        if (c == ']')
            return;
    }
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void begin_word(struct reading *in)
{
    if (in->has_space && in->phrase.length > 0)
        buffer_append_byte(&in->phrase, ' ');
    in->has_space = false;
}

/* Anything that ends neither an address nor an entry. */
static void take_other(struct reading *in, char c)
{
    if (c == '(') {
        take_comment(in);
    } else if (is_space(c)) {
        in->has_space = true;
    } else if (c == '"') {
        begin_word(in);
        take_quoted(in, in->has_at ? &in->domain : &in->local, &in->phrase);
    } else if (c == '[' && in->has_at) {
        take_literal(in);
    } else {
        begin_word(in);
        buffer_append_byte(&in->phrase, c);
        if (c == '@' && !in->has_at)
            in->has_at = true;
        else
            buffer_append_byte(in->has_at ? &in->domain : &in->local, c);
    }
}

/* RFC 5322 4.4: "@a,@b:" before the address. */
static void take_route(struct reading *in)
{
    size_t end = text_find(in->rest, ':');
    if (in->rest.length == 0 || in->rest.data[0] != '@' || end >= text_find(in->rest, '>'))
        return;
    for (size_t i = 0; i < end; i++)
        if (!is_space(in->rest.data[i]))
            buffer_append_byte(&in->route, in->rest.data[i]);
    in->rest = text_from_position(in->rest, end + 1);
}

static struct text kept(struct arena *arena, const struct buffer *from)
{
    return arena_copy(arena, text_trim(buffer_text(from)));
}

/* Behind "<"; the phrase before it is the name. */
static void take_angle(struct reading *in, struct arena *arena, struct mail_entry *out)
{
    out->name = kept(arena, &in->phrase);
    buffer_reset(&in->local, SIZE_MAX);
    buffer_reset(&in->domain, SIZE_MAX);
    in->has_at = false;
    take_route(in);
    while (in->rest.length > 0) {
        char c = take(in);
        if (c == '>')
            break;
        take_other(in, c);
    }
    /* What stands behind the bracket belongs to nobody. */
    while (in->rest.length > 0 && in->rest.data[0] != ',' && in->rest.data[0] != ';') {
        char c = take(in);
        if (c == '(')
            take_comment(in);
        else if (c == '"')
            take_quoted(in, &in->phrase, NULL);
    }
    if (in->rest.length > 0 && in->rest.data[0] == ',')
        take(in);
}

static void fill_address(struct reading *in, struct arena *arena, struct mail_entry *out)
{
    out->route = kept(arena, &in->route);
    out->local_part = arena_copy(arena, buffer_text(&in->local));
    out->domain = arena_copy(arena, buffer_text(&in->domain));
    if (text_is_empty(out->name))
        out->name = kept(arena, &in->comment);
}

static bool has_something(const struct reading *in)
{
    return in->phrase.length > 0 || in->has_at || in->local.length > 0;
}

/* One entry. False: nothing stands before the end. */
static bool read_entry(struct reading *in, struct arena *arena, struct mail_entry *out)
{
    while (in->rest.length > 0) {
        char c = in->rest.data[0];
        if (c == ';' && has_something(in))
            break; /* it ends this address and, read again, the group */
        take(in);
        if (c == ';') {
            out->kind = MAIL_ENTRY_GROUP_END;
            return true;
        }
        if (c == ':' && !in->has_at) {
            out->kind = MAIL_ENTRY_GROUP;
            out->name = kept(arena, &in->phrase);
            return true;
        }
        if (c == '<') {
            take_angle(in, arena, out);
            fill_address(in, arena, out);
            return true;
        }
        if (c == ',' && has_something(in))
            break;
        if (c != ',')
            take_other(in, c);
    }
    if (!has_something(in))
        return false;
    fill_address(in, arena, out);
    return true;
}

bool mail_entry_next(struct text *rest, struct arena *arena, struct mail_entry *out)
{
    struct reading in;
    reading_init(&in, *rest);
    *out = (struct mail_entry){.kind = MAIL_ENTRY_ADDRESS};
    bool found = read_entry(&in, arena, out);
    *rest = in.rest;
    reading_finish(&in);
    return found;
}
