/* editheader (RFC 5293): the header section is written anew with each change. */
#include "mail/header.h"
#include "sieve/match.h"

enum { HEADER_MAX = 2 << 20, ADDED_MAX = 64 << 10 };

static bool name_is_valid(struct text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 127 || name.data[i] == ':')
            return false;
    return name.length > 0 && name.length <= 200;
}

/* RFC 5293 6 lets an implementation protect fields: these tell how the message came. */
static bool is_protected(struct text name)
{
    static const char *const names[] = {"Received", "Auto-Submitted", "Return-Path"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (text_equals_nocase(name, text_from(names[i])))
            return true;
    return false;
}

bool check_field_name(const struct sieve_node *node, const char **why)
{
    struct text name = node->arguments[0].strings[0];
    *why = "that is no name of a header field";
    if (!has_variables(name) && !name_is_valid(name))
        return false;
    return check_index(node, why) || (node->verb->act == act_addheader);
}

static bool changed(struct sieve_run *run, const struct sieve_node *node, struct buffer *header)
{
    if (header->overflowed || !run_work(run, node, header->length)) {
        buffer_finish(header);
        return run_fail(run, node, "the header becomes too large");
    }
    run->header = arena_copy(run->arena, buffer_text(header));
    run->result->header_changed = true;
    buffer_finish(header);
    return true;
}

/* A value that can't end the field: line ends become folding. */
static void put_field(struct buffer *out, struct text name, struct text value)
{
    buffer_printf(out, "%.*s: ", TEXT_ARG(name));
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        if (c == '\r' || c == '\0')
            continue;
        if (c == '\n')
            buffer_append(out, TEXT("\r\n "));
        else
            buffer_append_byte(out, c);
    }
    buffer_append(out, TEXT("\r\n"));
}

void act_addheader(struct sieve_run *run, const struct sieve_node *node)
{
    struct text name = argument_text(run, node, 0), value = argument_text(run, node, 1);
    struct buffer header;
    if (!name_is_valid(name)) {
        run_fail(run, node, "that is no name of a header field");
        return;
    }
    if (is_protected(name))
        return;
    buffer_init(&header, HEADER_MAX);
    if (node_has(node, TAG_LAST))
        buffer_append(&header, run->header);
    put_field(&header, name, text_trim(text_head(value, ADDED_MAX)));
    if (!node_has(node, TAG_LAST))
        buffer_append(&header, run->header);
    changed(run, node, &header);
}

static unsigned count_named(struct text section, struct text name)
{
    struct header_field field;
    unsigned count = 0;
    while (header_next_valid(&section, &field))
        count += text_equals_nocase(field.name, name);
    return count;
}

/* Is this the one that :index means, and does its value match? number counts from 1. */
static bool is_to_go(struct sieve_run *run, const struct sieve_node *node,
                     const struct header_field *field, unsigned number, unsigned all)
{
    if (node_has(node, TAG_INDEX)) {
        uint64_t index = node_tag(node, TAG_INDEX)->number;
        if (number != (node_has(node, TAG_LAST) ? all + 1 - index : index))
            return false;
    }
    if (!node->arguments[1].is_there)
        return true;
    struct matching matching;
    match_begin(&matching, run, node, &node->arguments[1]);
    match_value(&matching, field_decoded(run, field));
    return match_end(&matching);
}

void act_deleteheader(struct sieve_run *run, const struct sieve_node *node)
{
    struct text name = argument_text(run, node, 0), section = run->header;
    struct header_field field;
    struct buffer header;
    unsigned number = 0, all = count_named(section, name), gone = 0;
    if (all == 0 || is_protected(name))
        return;
    buffer_init(&header, HEADER_MAX);
    while (header_next_valid(&section, &field)) {
        bool goes =
            text_equals_nocase(field.name, name) && is_to_go(run, node, &field, ++number, all);
        gone += goes;
        if (!goes)
            buffer_append(&header, field.whole);
    }
    if (gone > 0)
        changed(run, node, &header);
    else
        buffer_finish(&header);
}
