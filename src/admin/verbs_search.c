#include "admin/verbs_search.h"

#include <inttypes.h>

#include "account/annotation.h"
#include "admin/verbs_account.h"
#include "admin/words.h"
#include "base/array.h"
#include "proto/imap/search/imap_index.h"
#include "store/fresh.h"

/* Mailboxes by id: each step may yield, and one may go meanwhile. */
struct chosen {
    struct arena arena;
    struct text owner; /* "": all */
    uint64_t *ids;
    unsigned count;
};

static void choose(void *context, struct mailbox *box)
{
    struct chosen *chosen = context;
    if (!text_is_empty(chosen->owner) && !text_equals(chosen->owner, mailbox_owner(box)))
        return;
    chosen->ids = arena_grow(&chosen->arena, chosen->ids, chosen->count, sizeof(*chosen->ids));
    chosen->ids[chosen->count++] = mailbox_id(box);
}

/* word: an address or "public"; "": all. */
static enum status choose_all(struct queue *queue, struct text word, struct chosen *chosen)
{
    enum status status =
        text_is_empty(word) ? OK : verb_owner(word, &chosen->arena, &chosen->owner);
    if (status == OK)
        mailbox_each(queue_store(queue), choose, chosen);
    if (status == OK && chosen->count == 0 && !text_is_empty(chosen->owner))
        status = refused("%.*s has no mailboxes", TEXT_ARG(chosen->owner));
    return status;
}

static void print(struct admin_call *call, const char *field, const struct chosen *chosen,
                  uint64_t messages)
{
    if (call->json)
        buffer_printf(call->out, "{\"mailboxes\":%u,\"%s\":%" PRIu64 "}\n", chosen->count, field,
                      messages);
    else
        buffer_printf(call->out, "mailboxes: %u, messages %s: %" PRIu64 "\n", chosen->count, field,
                      messages);
}

enum status verb_search_status(void *state, struct admin_call *call)
{
    struct chosen chosen = {.owner = TEXT("")};
    uint64_t messages = 0;
    enum status status = verb_check_words(call, 0, 1, "search status [ADDRESS|public]");
    arena_init(&chosen.arena);
    if (status == OK)
        status = choose_all(state, call->count == 1 ? call->words[0] : TEXT(""), &chosen);
    if (status == OK)
        imap_index_follow(queue_accounts(state), chosen.owner);
    for (unsigned i = 0; status == OK && i < chosen.count; i++)
        messages += fresh_count(queue_store(state), chosen.ids[i]);
    if (status == OK)
        print(call, "waiting", &chosen, messages);
    arena_finish(&chosen.arena);
    return status;
}

enum status verb_search_rebuild(void *state, struct admin_call *call)
{
    struct chosen chosen = {.owner = TEXT("")};
    uint64_t messages = 0;
    bool is_all = verb_take_switch(call, TEXT("--all"));
    unsigned words = is_all ? 0 : 1;
    enum status status =
        verb_check_words(call, words, words, "search rebuild ADDRESS|public|--all");
    arena_init(&chosen.arena);
    if (status == OK)
        status = choose_all(state, is_all ? TEXT("") : call->words[0], &chosen);
    for (unsigned i = 0; status == OK && i < chosen.count; i++)
        messages += imap_index_renew(queue_store(state), chosen.ids[i]);
    if (status == OK)
        print(call, "waiting", &chosen, messages);
    arena_finish(&chosen.arena);
    return status;
}

/* RFC 5466: the filters that all users may name are notes on the server. */
#define FILTERS "/shared/filters/values"

static bool print_filter(void *context, struct text name, struct text value)
{
    struct admin_call *call = context;
    struct text filter = text_from_position(name, sizeof(FILTERS));
    if (call->json) {
        buffer_append(call->out, TEXT("{\"filter\":"));
        admin_json_text(call->out, filter);
        verb_json_field(call->out, "criteria", value);
        buffer_append(call->out, TEXT("}\n"));
    } else {
        buffer_printf(call->out, "%.*s: ", TEXT_ARG(filter));
        verb_clean(call->out, value);
        buffer_append(call->out, TEXT("\n"));
    }
    return true;
}

/* YIELDS. */
static enum status set_filter(struct queue *queue, const struct admin_call *call,
                              struct arena *arena)
{
    struct text written = arena_printf(arena, FILTERS "/%.*s", TEXT_ARG(call->words[0]));
    bool is_removal = text_equals(call->words[1], TEXT("none"));
    struct annotation filter = {.value = is_removal ? (struct text){NULL, 0} : call->words[1]};
    if (text_find(call->words[0], '/') < call->words[0].length ||
        !annotation_name(written, arena, &filter.name))
        return refused("'%.*s' is no name of a filter", TEXT_ARG(call->words[0]));
    enum annotating result = annotation_set(queue_store(queue), 0, TEXT(""), &filter, 1);
    if (result == ANNOTATING_DONE)
        return OK;
    return result == ANNOTATING_LATER ? TRY_LATER
                                      : refused("there are too many filters, or this is too long");
}

enum status verb_search_filter(void *state, struct admin_call *call)
{
    struct arena arena;
    struct annotation_scope server = {.store = queue_store(state), .user = TEXT("")};
    static const char usage[] = "search filter [NAME CRITERIA|none]";
    enum status status =
        call->count == 1 ? refused("usage: %s", usage) : verb_check_words(call, 0, 2, usage);
    arena_init(&arena);
    if (status == OK && call->count == 2)
        status = set_filter(state, call, &arena);
    else if (status == OK)
        annotation_each(&server, TEXT(FILTERS), print_filter, call);
    arena_finish(&arena);
    return status;
}
