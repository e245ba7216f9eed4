/* The tree is built on a stack of its own, so that depth is bounded by a number. */
#include "settings/query.h"

#include "base/check.h"
#include "base/encoding.h"

enum query_kind {
    QUERY_AND,
    QUERY_OR,
    QUERY_NOT,
    QUERY_EQUALS,
    QUERY_PRESENT,
    QUERY_PARTS, /* "a*b*": values are what stands between the stars, empty at the ends */
    QUERY_AT_LEAST,
    QUERY_AT_MOST
};

struct query {
    enum query_kind kind;
    struct query *first, *next; /* of AND, OR and NOT: its parts; and the one behind this */
    struct text attribute;
    struct text *values;
    unsigned value_count;
};

struct parsing {
    struct text whole, rest;
    struct arena *arena;
    unsigned nodes, depth;
};

static enum status wrong(const struct parsing *parsing, const char *what)
{
    return refused("the filter is malformed at character %zu: %s",
                   parsing->whole.length - parsing->rest.length + 1, what);
}

static bool take(struct parsing *parsing, char c)
{
    if (parsing->rest.length == 0 || parsing->rest.data[0] != c)
        return false;
    parsing->rest = text_from_position(parsing->rest, 1);
    return true;
}

static void skip_spaces(struct parsing *parsing)
{
    while (take(parsing, ' '))
        continue;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
}

/* RFC 4515 3: \XX is a byte; NUL, parentheses, * and \ stand so alone. False: a bad escape. */
static bool unescape(struct text written, struct arena *arena, struct text *out)
{
    char *bytes = arena_array(arena, written.length + 1, 1);
    size_t length = 0;
    for (size_t i = 0; i < written.length; i++) {
        bytes[length] = written.data[i];
        if (written.data[i] == '\\') {
            int byte = hex_byte_value(text_from_position(written, i + 1));
            if (byte < 0)
                return false;
            bytes[length] = (char)byte;
            i += 2;
        }
        length++;
    }
    *out = text_of(bytes, length);
    return utf8_is_valid(*out);
}

static enum status parse_values(struct parsing *parsing, struct text written, struct query *node)
{
    unsigned count = 1;
    for (size_t i = 0; i < written.length; i++)
        count += written.data[i] == '*';
    if (count > 1 && node->kind != QUERY_EQUALS)
        return wrong(parsing, "\"*\" goes with \"=\" alone");
    node->values = arena_array(parsing->arena, count, sizeof(*node->values));
    node->value_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct text part = text_before(written, '*');
        written = text_from_position(written, part.length + 1);
        if (!unescape(part, parsing->arena, &node->values[i]))
            return wrong(parsing,
                         "\"\\\" is followed by two hexadecimal digits, and text is UTF-8");
    }
    if (count == 2 && text_is_empty(node->values[0]) && text_is_empty(node->values[1]))
        node->kind = QUERY_PRESENT;
    else if (count > 1)
        node->kind = QUERY_PARTS;
    return OK;
}

/* What stands between the parentheses: attribute, comparison, value. */
static enum status parse_comparison(struct parsing *parsing, struct query *node)
{
    size_t length = 0;
    while (length < parsing->rest.length && is_name_byte(parsing->rest.data[length]))
        length++;
    node->attribute = text_head(parsing->rest, length);
    parsing->rest = text_from_position(parsing->rest, length);
    skip_spaces(parsing);
    node->kind = QUERY_EQUALS;
    if (take(parsing, '>'))
        node->kind = QUERY_AT_LEAST;
    else if (take(parsing, '<'))
        node->kind = QUERY_AT_MOST;
    else
        take(parsing, '~');
    if (length == 0 || !take(parsing, '='))
        return wrong(parsing, "wanted is NAME=VALUE, NAME>=VALUE, NAME<=VALUE, &, | or !");
    size_t end = text_find(parsing->rest, ')');
    struct text written = text_head(parsing->rest, end);
    if (text_find(written, '(') < written.length)
        return wrong(parsing, "a \"(\" in a value is written \\28");
    if (text_is_empty(written))
        return wrong(parsing, "a value is missing");
    enum status status = parse_values(parsing, written, node);
    parsing->rest = text_from_position(parsing->rest, end);
    return status;
}

static bool is_set(enum query_kind kind)
{
    return kind <= QUERY_NOT;
}

/* Behind the "(" of a node. */
static enum status parse_node(struct parsing *parsing, struct query *node)
{
    skip_spaces(parsing);
    if (++parsing->nodes > QUERY_NODES_MAX)
        return wrong(parsing, "it has too many parts");
    if (take(parsing, '&'))
        node->kind = QUERY_AND;
    else if (take(parsing, '|'))
        node->kind = QUERY_OR;
    else if (take(parsing, '!'))
        node->kind = QUERY_NOT;
    else
        return parse_comparison(parsing, node);
    return OK;
}

/* The ")" of a node. */
static enum status end_node(struct parsing *parsing, const struct query *node)
{
    if (is_set(node->kind) && node->first == NULL)
        return wrong(parsing, "&, | and ! are followed by a part in parentheses");
    return take(parsing, ')') ? OK : wrong(parsing, "a \")\" is missing");
}

/* Open nodes with the last part of each; what is complete is hung below the one that is open. */
struct open_node {
    struct query *node, *last;
};

static void hang(struct open_node *above, struct query *node)
{
    if (above->last == NULL)
        above->node->first = node;
    else
        above->last->next = node;
    above->last = node;
}

static enum status parse_tree(struct parsing *parsing, struct query **out)
{
    struct open_node open[QUERY_DEPTH_MAX];
    enum status status = OK;
    for (;;) {
        skip_spaces(parsing);
        struct open_node *above = parsing->depth > 0 ? &open[parsing->depth - 1] : NULL;
        bool may_begin = above == NULL || (is_set(above->node->kind) &&
                                           (above->node->kind != QUERY_NOT || above->last == NULL));
        if (may_begin && take(parsing, '(')) {
            if (parsing->depth == QUERY_DEPTH_MAX)
                return wrong(parsing, "it is nested too deep");
            struct query *node = arena_alloc(parsing->arena, sizeof(*node));
            open[parsing->depth++] = (struct open_node){node, NULL};
            status = parse_node(parsing, node);
        } else if (above == NULL) {
            return wrong(parsing, "a filter begins with \"(\"");
        } else {
            status = end_node(parsing, above->node);
            parsing->depth--;
            if (status == OK && parsing->depth == 0)
                *out = above->node;
            else if (status == OK)
                hang(&open[parsing->depth - 1], above->node);
            if (parsing->depth == 0)
                return status;
        }
        if (status != OK)
            return status;
    }
}

enum status query_parse(struct text text, struct arena *arena, struct query **out)
{
    struct parsing parsing = {.whole = text, .rest = text, .arena = arena};
    if (text.length > QUERY_MAX)
        return refused("the filter is longer than %d bytes", QUERY_MAX);
    enum status status = parse_tree(&parsing, out);
    if (status != OK)
        return status;
    skip_spaces(&parsing);
    return text_is_empty(parsing.rest) ? OK : wrong(&parsing, "something follows the filter");
}

/* ---- Walking a tree: depth is bounded by the parser ---- */

static void write_value(struct text value, struct buffer *out)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        if (c == '*' || c == '(' || c == ')' || c == '\\' || (unsigned char)c < ' ' || c == 127)
            buffer_printf(out, "\\%02x", (unsigned)(unsigned char)c);
        else
            buffer_append_byte(out, c);
    }
}

static void write_comparison(const struct query *query, struct buffer *out)
{
    const char *sign = query->kind == QUERY_AT_LEAST  ? ">="
                       : query->kind == QUERY_AT_MOST ? "<="
                                                      : "=";
    buffer_append(out, query->attribute);
    buffer_append(out, text_from(sign));
    for (unsigned i = 0; i < query->value_count; i++) {
        buffer_append(out, i > 0 ? TEXT("*") : TEXT(""));
        write_value(query->values[i], out);
    }
}

void query_write(const struct query *query, struct buffer *out)
{
    static const char signs[] = {[QUERY_AND] = '&', [QUERY_OR] = '|', [QUERY_NOT] = '!'};
    buffer_append_byte(out, '(');
    if (is_set(query->kind)) {
        buffer_append_byte(out, signs[query->kind]);
        for (const struct query *part = query->first; part != NULL; part = part->next)
            query_write(part, out);
    } else {
        write_comparison(query, out);
    }
    buffer_append_byte(out, ')');
}

void query_attributes(const struct query *query, query_visit *visit, void *context)
{
    if (!is_set(query->kind))
        visit(context, query->attribute);
    for (const struct query *part = query->first; part != NULL; part = part->next)
        query_attributes(part, visit, context);
}

static char folded(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static size_t find_nocase(struct text text, struct text needle)
{
    for (size_t i = 0; i + needle.length <= text.length; i++)
        if (text_equals_nocase(text_head(text_from_position(text, i), needle.length), needle))
            return i;
    return text.length + 1;
}

/* RFC 4511 4.5.1.7.2: initial, any, final; in this order and apart from each other. */
static bool matches_parts(const struct query *query, struct text value)
{
    struct text first = query->values[0], last = query->values[query->value_count - 1];
    if (value.length < first.length + last.length || !text_starts_with_nocase(value, first) ||
        !text_ends_with_nocase(value, last))
        return false;
    struct text rest = text_from_position(value, first.length);
    rest = text_head(rest, rest.length - last.length);
    for (unsigned i = 1; i + 1 < query->value_count; i++) {
        size_t at = find_nocase(rest, query->values[i]);
        if (at > rest.length)
            return false;
        rest = text_from_position(rest, at + query->values[i].length);
    }
    return true;
}

static int compare(struct text a, struct text b)
{
    uint64_t left, right;
    if (text_to_u64(a, &left) && text_to_u64(b, &right))
        return (left > right) - (left < right);
    for (size_t i = 0; i < a.length && i < b.length; i++)
        if (folded(a.data[i]) != folded(b.data[i]))
            return (unsigned char)folded(a.data[i]) < (unsigned char)folded(b.data[i]) ? -1 : 1;
    return (a.length > b.length) - (a.length < b.length);
}

static bool matches_value(const struct query *query, struct text value)
{
    switch (query->kind) {
    case QUERY_EQUALS:
        return text_equals_nocase(value, query->values[0]);
    case QUERY_PRESENT:
        return true;
    case QUERY_PARTS:
        return matches_parts(query, value);
    case QUERY_AT_LEAST:
        return compare(value, query->values[0]) >= 0;
    case QUERY_AT_MOST:
        return compare(value, query->values[0]) <= 0;
    case QUERY_AND:
    case QUERY_OR:
    case QUERY_NOT:
        break;
    }
    return false;
}

static bool any_value_matches(const struct query *query, query_lookup *lookup, void *context)
{
    struct text value;
    for (unsigned i = 0; lookup(context, query->attribute, i, &value); i++)
        if (matches_value(query, value))
            return true;
    return false;
}

bool query_matches(const struct query *query, query_lookup *lookup, void *context)
{
    if (!is_set(query->kind))
        return any_value_matches(query, lookup, context);
    for (const struct query *part = query->first; part != NULL; part = part->next) {
        bool holds = query_matches(part, lookup, context);
        if (query->kind == QUERY_NOT)
            return !holds;
        if (holds == (query->kind == QUERY_OR))
            return holds;
    }
    return query->kind == QUERY_AND;
}
