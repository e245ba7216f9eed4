/* Verbs about users' Sieve scripts: the same as a user can do by ManageSieve. */
#include "admin/verbs_sieve.h"

#include <inttypes.h>

#include "admin/words.h"
#include "base/arena.h"
#include "mail/address.h"
#include "queue/queue.h"
#include "sieve/sieve.h"
#include "store/scripts.h"

/* Whose scripts: the first word, in key form. */
static enum status take_owner(const struct admin_call *call, struct arena *arena,
                              struct text *owner)
{
    struct mail_address address;
    enum status status = mail_address_parse(call->words[0], arena, &address);
    if (status == OK)
        *owner = mail_address_key(&address, arena);
    return status;
}

static enum status told(enum script_outcome outcome, struct text name)
{
    switch (outcome) {
    case SCRIPT_DONE:
        return OK;
    case SCRIPT_ABSENT:
        return refused("there is no script %.*s", TEXT_ARG(name));
    case SCRIPT_EXISTS:
        return refused("there is a script %.*s already", TEXT_ARG(name));
    case SCRIPT_IN_USE:
        return refused("the script is active: activate another one, or none, first");
    case SCRIPT_TOO_MANY:
        return refused("the user has %d scripts, and may not have more", SCRIPTS_MAX);
    case SCRIPT_TOO_LONG:
        return refused("the script is longer than %d bytes", SCRIPT_BYTES_MAX);
    case SCRIPT_LATER:
        break;
    }
    return TRY_LATER; /* with the reason */
}

struct listing {
    struct admin_call *call;
    struct text active;
};

static bool print_script(void *context, struct text name, uint64_t bytes)
{
    const struct listing *listing = context;
    struct buffer *out = listing->call->out;
    bool is_active = text_equals(name, listing->active);
    if (listing->call->json) {
        buffer_append(out, TEXT("{\"script\":"));
        admin_json_text(out, name);
        buffer_printf(out, ",\"bytes\":%" PRIu64 ",\"active\":%s}\n", bytes,
                      is_active ? "true" : "false");
    } else {
        buffer_printf(out, "%-40.*s %8" PRIu64 "%s\n", TEXT_ARG(name), bytes,
                      is_active ? " active" : "");
    }
    return true;
}

static enum status list(struct queue *queue, struct admin_call *call, struct text owner)
{
    struct buffer active;
    buffer_init(&active, SCRIPT_BYTES_MAX);
    script_active(queue_store(queue), owner, &active);
    struct listing listing = {call, buffer_text(&active)};
    scripts_each(queue_store(queue), owner, print_script, &listing);
    buffer_finish(&active);
    return OK;
}

static enum status show(struct queue *queue, struct admin_call *call, struct text owner)
{
    struct buffer source;
    buffer_init(&source, 2 * SCRIPT_BYTES_MAX);
    enum status status = script_get(queue_store(queue), owner, call->words[1], &source)
                             ? OK
                             : told(SCRIPT_ABSENT, call->words[1]);
    buffer_append(call->out, buffer_text(&source));
    buffer_finish(&source);
    return status;
}

/* What it includes may come later, as with ManageSieve. */
static bool find_later(void *context, bool is_global, struct text name, struct text *source)
{
    (void)context, (void)is_global, (void)name;
    *source = TEXT("");
    return true;
}

enum status verb_sieve_keep(struct queue *queue, struct text owner, struct text name,
                            struct text source)
{
    struct sieve_library library = {.find = find_later};
    struct sieve_script *script = NULL;
    struct buffer error;
    if (!script_name_is_valid(name))
        return refused("that is no name for a script");
    buffer_init(&error, 4096);
    enum status status = sieve_compile(source, &library, &error, &script);
    sieve_script_free(&script);
    if (status != OK)
        status = refused("%.*s", TEXT_ARG(buffer_text(&error)));
    buffer_finish(&error);
    return status != OK ? status : told(script_put(queue_store(queue), owner, name, source), name);
}

static enum status put(struct queue *queue, struct admin_call *call, struct text owner)
{
    return verb_sieve_keep(queue, owner, call->words[1], call->input);
}

static enum status activate(struct queue *queue, struct admin_call *call, struct text owner)
{
    struct text name = call->count > 1 ? call->words[1] : TEXT("");
    return told(script_activate(queue_store(queue), owner, name), name);
}

static enum status remove_script(struct queue *queue, struct admin_call *call, struct text owner)
{
    return told(script_delete(queue_store(queue), owner, call->words[1]), call->words[1]);
}

/* The words, then `act` for the owner. */
static enum status with_owner(struct queue *queue, struct admin_call *call,
                              enum status (*act)(struct queue *, struct admin_call *, struct text))
{
    struct arena arena;
    struct text owner;
    arena_init(&arena);
    enum status status = take_owner(call, &arena, &owner);
    if (status == OK)
        status = act(queue, call, owner);
    arena_finish(&arena);
    return status;
}

enum status verb_sieve_list(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 1, 1, "sieve list ADDRESS");
    return status == OK ? with_owner(state, call, list) : status;
}

enum status verb_sieve_show(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 2, 2, "sieve show ADDRESS NAME");
    return status == OK ? with_owner(state, call, show) : status;
}

enum status verb_sieve_put(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 3, 3, "sieve put ADDRESS NAME FILE");
    return status == OK ? with_owner(state, call, put) : status;
}

enum status verb_sieve_activate(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 1, 2, "sieve activate ADDRESS [NAME]");
    return status == OK ? with_owner(state, call, activate) : status;
}

enum status verb_sieve_remove(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 2, 2, "sieve remove ADDRESS NAME");
    return status == OK ? with_owner(state, call, remove_script) : status;
}
