#include "admin/verbs_search.h"

#include <inttypes.h>

#include "admin/verbs_account.h"
#include "admin/words.h"
#include "proto/imap/imap_index.h"
#include "store/fresh.h"

/* Mailboxes by id: each step may yield, and one may go meanwhile. */
struct chosen {
    struct arena arena;
    struct text owner; /* "": all */
    uint64_t *ids;
    unsigned count, capacity;
};

static void choose(void *context, struct mailbox *box)
{
    struct chosen *chosen = context;
    if (!text_is_empty(chosen->owner) && !text_equals(chosen->owner, mailbox_owner(box)))
        return;
    if (chosen->count == chosen->capacity) {
        unsigned capacity = chosen->capacity == 0 ? 64 : chosen->capacity * 2;
        uint64_t *more = arena_array(&chosen->arena, capacity, sizeof(*more));
        for (unsigned i = 0; i < chosen->count; i++)
            more[i] = chosen->ids[i];
        chosen->ids = more;
        chosen->capacity = capacity;
    }
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
    bool is_all = call->count == 1 && text_equals(call->words[0], TEXT("--all"));
    enum status status =
        is_all ? OK : verb_check_words(call, 1, 1, "search rebuild ADDRESS|public|--all");
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
