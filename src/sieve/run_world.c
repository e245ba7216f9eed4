/* Tests that ask about something else than the message. */
#include "mail/header.h"
#include "sieve/match.h"

enum { SEEN_SECONDS = 7 * 24 * 3600, SEEN_SECONDS_MAX = 90 * 24 * 3600 };

bool holds_string(struct sieve_run *run, const struct sieve_node *node)
{
    struct matching matching;
    const struct text *values = argument_list(run, &node->arguments[0]);
    match_begin(&matching, run, node, &node->arguments[1]);
    for (unsigned i = 0; i < node->arguments[0].string_count; i++) {
        /* RFC 5229 5: :count counts those that are not empty. */
        if (node_has(node, TAG_COUNT) && text_is_empty(values[i]))
            continue;
        if (match_value(&matching, values[i]))
            break;
    }
    return match_end(&matching);
}

/* RFC 5183 4.1 */
bool holds_environment(struct sieve_run *run, const struct sieve_node *node)
{
    const struct sieve_world *world = run->world;
    const struct {
        const char *name;
        struct text value;
    } rows[] = {{"domain", text_after(world->host, '.')},
                {"host", world->host},
                {"location", TEXT("MDA")},
                {"name", TEXT("mailroot")},
                {"phase", TEXT("during")},
                {"version", world->version},
                {"remote-host", world->remote_host},
                {"remote-ip", world->remote_ip}};
    struct text name = argument_text(run, node, 0);
    struct matching matching;
    match_begin(&matching, run, node, &node->arguments[1]);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_equals_nocase(name, text_from(rows[i].name)))
            match_value(&matching, rows[i].value);
    return match_end(&matching);
}

bool holds_mailboxexists(struct sieve_run *run, const struct sieve_node *node)
{
    const struct sieve_world *world = run->world;
    const struct text *names = argument_list(run, &node->arguments[0]);
    for (unsigned i = 0; i < node->arguments[0].string_count; i++)
        if (world->mailbox_exists == NULL || !world->mailbox_exists(world->context, names[i]))
            return false;
    return true;
}

/* RFC 8579 4 */
bool holds_specialuse_exists(struct sieve_run *run, const struct sieve_node *node)
{
    const struct sieve_world *world = run->world;
    struct text mailbox = argument_text(run, node, 0);
    const struct text *attributes = argument_list(run, &node->arguments[1]);
    for (unsigned i = 0; i < node->arguments[1].string_count; i++)
        if (world->special_use_exists == NULL ||
            !world->special_use_exists(world->context, mailbox, attributes[i]))
            return false;
    return true;
}

/* RFC 7352 3. What identifies the message: a field's value, a text, or its Message-ID. */
static struct text unique_id(struct sieve_run *run, const struct sieve_node *node)
{
    struct header_field field;
    if (node_has(node, TAG_UNIQUEID))
        return tag_text(run, node, TAG_UNIQUEID);
    struct text name =
        node_has(node, TAG_HEADER) ? tag_text(run, node, TAG_HEADER) : TEXT("Message-ID");
    return header_find(run->header, name, &field) ? header_unfold(field.body, run->arena)
                                                  : TEXT("");
}

static void remember(struct sieve_run *run, const struct sieve_node *node, struct text key)
{
    const struct sieve_argument *seconds = node_tag(node, TAG_SECONDS);
    uint64_t wanted = seconds->is_there ? seconds->number : SEEN_SECONDS;
    struct sieve_result *result = run->result;
    if (result->seen_count == SIEVE_ACTIONS_MAX) {
        run_fail(run, node, "too many tests for duplicates");
        return;
    }
    result->seen[result->seen_count++] = (struct sieve_seen){
        .key = key, .seconds = (int64_t)(wanted > SEEN_SECONDS_MAX ? SEEN_SECONDS_MAX : wanted)};
}

bool holds_duplicate(struct sieve_run *run, const struct sieve_node *node)
{
    const struct sieve_world *world = run->world;
    struct text id = unique_id(run, node);
    if (text_is_empty(id))
        return false;
    struct text handle = tag_text(run, node, TAG_HANDLE);
    struct text key =
        arena_printf(run->arena, "%zu:%.*s%.*s", handle.length, TEXT_ARG(handle), TEXT_ARG(id));
    bool was_seen = world->was_seen != NULL && world->was_seen(world->context, key);
    /* With :last the time is counted from the last message, else from the first. */
    if (!was_seen || node_has(node, TAG_LAST))
        remember(run, node, key);
    return was_seen;
}

/* RFC 5235 2: 0 when nothing was tested, else 1 to 10; with :percent 0 to 100. */
bool holds_spamtest(struct sieve_run *run, const struct sieve_node *node)
{
    int percent = run->world->spam_percent;
    struct matching matching;
    int value = percent < 0 ? 0 : node_has(node, TAG_PERCENT) ? percent : 1 + percent * 9 / 100;
    match_begin(&matching, run, node, &node->arguments[0]);
    if (node_has(node, TAG_COUNT)) {
        if (percent >= 0)
            match_value(&matching, TEXT("1"));
    } else {
        match_value(&matching, arena_printf(run->arena, "%d", value));
    }
    return match_end(&matching);
}

bool holds_virustest(struct sieve_run *run, const struct sieve_node *node)
{
    struct matching matching;
    match_begin(&matching, run, node, &node->arguments[0]);
    match_value(&matching, arena_printf(run->arena, "%d", run->world->virus_level));
    return match_end(&matching);
}
