/* Tests on the header, the envelope and the size. */
#include "base/array.h"
#include "mail/address_list.h"
#include "mail/header.h"
#include "mail/words.h"
#include "sieve/match.h"

bool check_index(const struct sieve_node *node, const char **why)
{
    *why = ":last needs :index, which counts from 1";
    if (node_has(node, TAG_INDEX))
        return node_tag(node, TAG_INDEX)->number >= 1;
    return !node_has(node, TAG_LAST);
}

struct text *fields_named(struct sieve_run *run, const struct sieve_node *node, struct text name,
                          unsigned *count)
{
    struct text section = run->header;
    struct header_field field;
    struct text *values = NULL;
    *count = 0;
    if (!run_work(run, node, section.length))
        return NULL;
    while (header_next_valid(&section, &field)) {
        if (!text_equals_nocase(field.name, name))
            continue;
        values = arena_grow(run->arena, values, *count, sizeof(*values));
        values[(*count)++] = header_unfold(field.body, run->arena);
    }
    if (!node_has(node, TAG_INDEX))
        return values;
    uint64_t index = node_tag(node, TAG_INDEX)->number;
    bool is_there = index <= *count;
    uint64_t at = node_has(node, TAG_LAST) ? *count - index : index - 1;
    *count = is_there;
    return is_there ? &values[at] : NULL;
}

struct text field_decoded(struct sieve_run *run, const struct header_field *field)
{
    return mail_words_decode(header_unfold(field->body, run->arena), &run->guess, run->arena);
}

bool holds_header(struct sieve_run *run, const struct sieve_node *node)
{
    struct matching matching;
    const struct text *names = argument_list(run, &node->arguments[0]);
    bool decided = false;
    match_begin(&matching, run, node, &node->arguments[1]);
    for (unsigned i = 0; i < node->arguments[0].string_count && !decided; i++) {
        unsigned count;
        struct text *values = fields_named(run, node, names[i], &count);
        for (unsigned j = 0; j < count && !decided; j++)
            decided = match_value(&matching, mail_words_decode(values[j], &run->guess, run->arena));
    }
    return match_end(&matching);
}

bool holds_exists(struct sieve_run *run, const struct sieve_node *node)
{
    const struct text *names = argument_list(run, &node->arguments[0]);
    for (unsigned i = 0; i < node->arguments[0].string_count; i++) {
        struct header_field field;
        if (!run_work(run, node, run->header.length) || !header_find(run->header, names[i], &field))
            return false;
    }
    return true;
}

bool check_size(const struct sieve_node *node, const char **why)
{
    *why = ":over or :under must stand here";
    return node_has(node, TAG_OVER) || node_has(node, TAG_UNDER);
}

bool holds_size(struct sieve_run *run, const struct sieve_node *node)
{
    uint64_t limit = node->arguments[0].number;
    return node_has(node, TAG_OVER) ? run->message->size > limit : run->message->size < limit;
}

/* Addresses */

/* RFC 5233 3: "user+detail". False: there is no detail, and so nothing to compare. */
static bool part_of(const struct sieve_node *node, struct text local, struct text domain,
                    struct arena *arena, struct text *out)
{
    size_t plus = text_find(local, '+');
    if (node_has(node, TAG_DETAIL)) {
        *out = text_from_position(local, plus + 1);
        return plus < local.length;
    }
    if (node_has(node, TAG_USER))
        *out = text_head(local, plus);
    else if (node_has(node, TAG_LOCALPART))
        *out = local;
    else if (node_has(node, TAG_DOMAIN))
        *out = domain;
    else if (text_is_empty(domain))
        *out = local;
    else
        *out = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(local), TEXT_ARG(domain));
    return true;
}

/* Every address of a field's value. True when the test is decided. */
static bool match_addresses(struct matching *matching, struct text value)
{
    struct arena *arena = matching->run->arena;
    struct mail_entry entry;
    struct text part;
    while (mail_entry_next(&value, arena, &entry)) {
        if (entry.kind != MAIL_ENTRY_ADDRESS ||
            !part_of(matching->node, entry.local_part, entry.domain, arena, &part))
            continue;
        if (match_value(matching, part))
            return true;
    }
    return false;
}

bool holds_address(struct sieve_run *run, const struct sieve_node *node)
{
    struct matching matching;
    const struct text *names = argument_list(run, &node->arguments[0]);
    bool decided = false;
    match_begin(&matching, run, node, &node->arguments[1]);
    for (unsigned i = 0; i < node->arguments[0].string_count && !decided; i++) {
        unsigned count;
        struct text *values = fields_named(run, node, names[i], &count);
        for (unsigned j = 0; j < count && !decided; j++)
            decided = match_addresses(&matching, values[j]);
    }
    return match_end(&matching);
}

/* RFC 5228 5.4 */
bool holds_envelope(struct sieve_run *run, const struct sieve_node *node)
{
    const struct sieve_message *message = run->message;
    struct matching matching;
    const struct text *names = argument_list(run, &node->arguments[0]);
    bool decided = false;
    match_begin(&matching, run, node, &node->arguments[1]);
    for (unsigned i = 0; i < node->arguments[0].string_count && !decided; i++) {
        bool is_from = text_equals_nocase(names[i], TEXT("from"));
        bool is_to = text_equals_nocase(names[i], TEXT("to"));
        struct text address = is_from ? message->sender : message->recipient;
        size_t at = text_find_last(address, '@');
        struct text part;
        if (!is_from && !is_to) {
            run_fail(run, node, "the envelope has parts from and to");
            break;
        }
        if (part_of(node, text_head(address, at), text_from_position(address, at + 1), run->arena,
                    &part))
            decided = match_value(&matching, part);
    }
    return match_end(&matching);
}
