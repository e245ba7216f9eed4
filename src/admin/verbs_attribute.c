#include "admin/verbs_attribute.h"

#include <inttypes.h>

#include "admin/verbs_login.h"
#include "admin/words.h"
#include "directory/attribute.h"
#include "directory/stamp.h"
#include "mail/address.h"

/* ---- directory set ---- */

static void print_attribute(struct admin_call *call, enum attribute which, struct text value)
{
    struct buffer *out = call->out;
    if (call->json) {
        buffer_printf(out, "{\"name\":\"%s\"", attribute_name(which));
        verb_json_field(out, "value", value);
        buffer_append(out, TEXT("}\n"));
    } else {
        buffer_printf(out, "%-16s ", attribute_name(which));
        if (value.length > 0)
            verb_clean(out, value);
        else
            buffer_printf(out, "-   (%s)", attribute_help(which));
        buffer_append_byte(out, '\n');
    }
}

static enum status print_attributes(struct directory *directory, struct admin_call *call,
                                    struct text key, struct arena *arena)
{
    struct attributes attributes;
    enum attribute_object object = attribute_object(directory, key);
    if (object == 0)
        return verb_found(directory, refused("there is no user or group %.*s", TEXT_ARG(key)));
    attributes_load(directory, key, arena, &attributes);
    for (enum attribute which = 0; which < ATTRIBUTES; which++)
        if (attribute_is_of(which, object))
            print_attribute(call, which, attributes.values[which]);
    return verb_found(directory, OK);
}

/* What stands behind the name is one value, with or without quotes around it. */
static struct text join_words(const struct admin_call *call, unsigned first, struct arena *arena)
{
    struct text value = call->words[first];
    for (unsigned i = first + 1; i < call->count; i++)
        value = arena_printf(arena, "%.*s %.*s", TEXT_ARG(value), TEXT_ARG(call->words[i]));
    return text_equals(value, TEXT("none")) ? TEXT("") : value;
}

enum status verb_directory_set(void *state, struct admin_call *call)
{
    static const char usage[] = "directory set ADDRESS [NAME VALUE...|none]";
    struct arena arena;
    struct text key, canonical;
    enum status status = verb_check_words(call, 1, ADMIN_WORDS_MAX, usage);
    if (status == OK && call->count == 2)
        status = refused("usage: %s", usage);
    arena_init(&arena);
    if (status == OK)
        status = directory_address(state, call->words[0], &arena, &key, &canonical);
    if (status == OK && call->count == 1) {
        status = print_attributes(state, call, key, &arena);
    } else if (status == OK) {
        enum attribute which = attribute_find(call->words[1]);
        status = which < ATTRIBUTES ? attribute_set(state, key, which, join_words(call, 2, &arena))
                                    : refused("'%.*s' is no attribute; without NAME all are shown",
                                              TEXT_ARG(call->words[1]));
        if (status == OK)
            verb_say_done(call, key, "set");
    }
    arena_finish(&arena);
    return status;
}

/* ---- directory contacts ---- */

static void print_contact(void *context, struct text key, const struct attributes *attributes)
{
    struct admin_call *call = context;
    struct text name = attributes->values[ATTRIBUTE_DISPLAY_NAME];
    if (call->json) {
        buffer_append(call->out, TEXT("{\"contact\":true"));
        verb_json_field(call->out, "address", key);
        verb_json_field(call->out, "name", name);
        buffer_append(call->out, TEXT("}\n"));
        return;
    }
    verb_clean(call->out, key);
    buffer_append(call->out, TEXT("  "));
    verb_clean(call->out, name);
    buffer_append_byte(call->out, '\n');
}

enum status verb_directory_contacts(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 0, 0, "directory contacts");
    if (status == OK)
        contacts_list(state, print_contact, call);
    return verb_found(state, status);
}

/* ---- directory check ---- */

struct check {
    struct admin_call *call;
    unsigned clashes;
};

static void print_problem(void *context, struct text address, struct text words, bool is_clash)
{
    struct check *found = context;
    struct buffer *out = found->call->out;
    found->clashes += is_clash;
    if (found->call->json) {
        buffer_printf(out, "{\"clash\":%s", is_clash ? "true" : "false");
        verb_json_field(out, "address", address);
        verb_json_field(out, "is", words);
        buffer_append(out, TEXT("}\n"));
    } else {
        buffer_printf(out, "%.*s: %.*s\n", TEXT_ARG(address), TEXT_ARG(words));
    }
}

enum status verb_directory_check(void *state, struct admin_call *call)
{
    struct check found = {call, 0};
    enum status status = verb_check_words(call, 0, 0, "directory check");
    if (status != OK)
        return status;
    stamp_check(state, print_problem, &found);
    return verb_found(state, found.clashes == 0 ? OK : refused("%u clashes", found.clashes));
}

/* ---- resolve ---- */

static void print_step(void *context, unsigned depth, struct text address, struct text words)
{
    struct admin_call *call = context;
    struct buffer *out = call->out;
    if (call->json) {
        buffer_printf(out, "{\"depth\":%u", depth);
        verb_json_field(out, "address", address);
        verb_json_field(out, "is", words);
        buffer_append(out, TEXT("}\n"));
    } else {
        buffer_printf(out, "%*s", (int)(2 * depth), "");
        verb_clean(out, address);
        buffer_append(out, TEXT(": "));
        verb_clean(out, words);
        buffer_append_byte(out, '\n');
    }
}

static void print_limit(struct admin_call *call, struct text user, const char *name, uint64_t limit)
{
    if (limit == DIRECTORY_NO_LIMIT)
        return;
    if (call->json) {
        buffer_printf(call->out, "{\"%s\":%" PRIu64, name, limit);
        verb_json_field(call->out, "user", user);
        buffer_append(call->out, TEXT("}\n"));
    } else {
        buffer_printf(call->out, "%.*s: own %s %" PRIu64 "\n", TEXT_ARG(user), name, limit);
    }
}

static enum status take_key(struct directory *directory, struct admin_call *call, const char *name,
                            struct arena *arena, struct text *key)
{
    struct text word, canonical;
    enum status status = verb_take_option(call, text_from(name), &word);
    *key = TEXT("");
    if (status != OK || text_is_empty(word) || text_equals(word, TEXT("<>")))
        return status;
    return directory_address(directory, word, arena, key, &canonical);
}

static enum status print_resolved(struct directory *directory, struct admin_call *call,
                                  const struct directory_facts *facts, struct arena *arena)
{
    struct text key, canonical;
    struct directory_answer answer;
    enum status status = directory_address(directory, call->words[0], arena, &key, &canonical);
    if (status != OK)
        return status;
    struct directory_question question = {.keys = &key, .count = 1, .facts = facts};
    status = directory_resolve_told(directory, &question, arena, &answer, print_step, call);
    if (status != OK)
        return status;
    print_limit(call, answer.user, "send-limit", answer.send_bytes);
    print_limit(call, answer.user, "recipient-limit", answer.recipients);
    if (!call->json)
        buffer_printf(call->out, "recipients: %u\n", answer.target_count);
    return OK;
}

enum status verb_resolve(void *state, struct admin_call *call)
{
    static const char usage[] = "resolve ADDRESS [--from ADDRESS] [--login USER] [--size N]";
    struct directory_facts facts = {0};
    struct arena arena;
    arena_init(&arena);
    enum status status = take_key(state, call, "--from", &arena, &facts.sender);
    if (status == OK)
        status = take_key(state, call, "--login", &arena, &facts.login);
    if (status == OK)
        status = verb_take_size(call, TEXT("--size"), &facts.size);
    if (status == OK)
        status = verb_check_words(call, 1, 1, usage);
    if (status == OK)
        status = print_resolved(state, call, &facts, &arena);
    arena_finish(&arena);
    return status;
}
