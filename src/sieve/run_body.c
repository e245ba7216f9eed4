/* body (RFC 5173). */
#include "mail/transfer_decoding.h"
#include "sieve/match.h"

static void scan(struct sieve_run *run)
{
    if (!run->scanned)
        mime_scan(run->message->bytes, MIME_LIMITS_DEFAULT, run->arena, &run->tree);
    run->scanned = true;
}

static struct text body_of(const struct sieve_run *run, const struct mime_part *part)
{
    return text_of(run->message->bytes.data + part->body_start, part->body_length);
}

/* A leaf as UTF-8. */
static struct text decoded(struct sieve_run *run, const struct mime_part *part)
{
    const struct mime_parameter *charset = mime_parameter_find(&part->type, TEXT("charset"));
    struct buffer bytes, text;
    buffer_init(&bytes, SIEVE_MESSAGE_SEEN);
    buffer_init(&text, 4 * SIEVE_MESSAGE_SEEN);
    transfer_decode(part->encoding, body_of(run, part), &bytes);
    bool is_text = text_equals(part->type.value, TEXT("text"));
    if (is_text)
        charset_to_utf8(charset == NULL ? TEXT("") : charset->value, buffer_text(&bytes),
                        &run->guess, &text);
    struct text copy = arena_copy(run->arena, buffer_text(is_text ? &text : &bytes));
    buffer_finish(&bytes);
    buffer_finish(&text);
    return copy;
}

/* RFC 5173 5.2: "" any, "text" a type, "text/html" exactly. */
static bool type_fits(const struct mime_part *part, struct text wanted)
{
    size_t slash = text_find(wanted, '/');
    struct text subtype = text_from_position(wanted, slash + 1);
    if (text_is_empty(wanted))
        return true;
    if (slash == 0 || slash + 1 == wanted.length || text_find(subtype, '/') < subtype.length)
        return false;
    return (text_equals_nocase(part->type.value, text_head(wanted, slash)) &&
            (slash == wanted.length || text_equals_nocase(part->type.subtype, subtype)));
}

static bool is_wanted(const struct mime_part *part, const struct text *types, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (type_fits(part, types[i]))
            return true;
    return false;
}

/* What stands before the first part of a multipart, and behind the last, without the boundaries'
 * lines. */
static struct text before_parts(const struct sieve_run *run, const struct mime_part *part)
{
    size_t length = part->first_child->header_start - part->body_start;
    struct text before = text_head(body_of(run, part), length);
    size_t line = text_find_last(text_head(before, length - 1), '\n'); /* the boundary's */
    return line + 1 < length ? text_head(before, line + 1) : TEXT("");
}

static struct text behind_parts(const struct sieve_run *run, const struct mime_part *part)
{
    const struct mime_part *last = part->last_child;
    size_t end = last->body_start + last->body_length - part->body_start;
    struct text behind = text_from_position(body_of(run, part), end);
    behind = text_from_position(behind, text_find(behind, '\n') + 1);
    return text_from_position(behind, text_find(behind, '\n') + 1);
}

/* RFC 5173 5.2: of a multipart what no part of it has, of a message in it the header. */
static bool match_outside(struct matching *matching, const struct mime_part *part)
{
    const struct sieve_run *run = matching->run;
    const struct mime_part *child = part->first_child;
    if (text_equals(part->type.value, TEXT("message")))
        return match_value(matching, text_of(run->message->bytes.data + child->header_start,
                                             child->header_length));
    return match_value(matching, before_parts(run, part)) ||
           match_value(matching, behind_parts(run, part));
}

/* One that holds others is looked at when it is named: it is no text itself. */
static void match_parts(struct matching *matching, const struct text *types, unsigned type_count)
{
    struct sieve_run *run = matching->run;
    scan(run);
    for (const struct mime_part *part = run->tree.root; part != NULL; part = mime_part_next(part)) {
        if (!is_wanted(part, types, type_count))
            continue;
        if (!run_work(run, matching->node, 2 * part->body_length))
            return;
        if (part->first_child != NULL ? match_outside(matching, part)
                                      : match_value(matching, decoded(run, part)))
            return;
    }
}

bool holds_body(struct sieve_run *run, const struct sieve_node *node)
{
    static const struct text text_types[] = {{"text", 4}};
    const struct sieve_argument *content = node_tag(node, TAG_CONTENT);
    struct matching matching;
    match_begin(&matching, run, node, &node->arguments[0]);
    if (node_has(node, TAG_RAW)) {
        scan(run);
        match_value(&matching, body_of(run, run->tree.root));
    } else if (content->is_there) {
        match_parts(&matching, argument_list(run, content), content->string_count);
    } else {
        match_parts(&matching, text_types, 1);
    }
    /* RFC 5173 6: what was found is not kept for ${1}. */
    for (unsigned i = 0; i < CAPTURES; i++)
        run->captures[i] = TEXT("");
    return match_end(&matching);
}
