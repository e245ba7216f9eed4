#include "admin/verbs_kept.h"

#include <inttypes.h>

#include "account/keeping.h"
#include "admin/verbs_account.h"
#include "admin/words.h"
#include "base/clock.h"
#include "base/id.h"
#include "store/kept.h"

struct listing {
    struct store *store;
    struct admin_call *call;
    uint64_t count;
};

static void print_kept(void *context, struct text mailbox, const struct mailbox_entry *entry)
{
    struct listing *listing = context;
    struct buffer *out = listing->call->out;
    struct arena arena;
    struct message message;
    char id[ID_TEXT_BYTES];
    int64_t removed_ms = (int64_t)entry->saved_s * SECOND;
    arena_init(&arena);
    if (!store_message(listing->store, entry->message, &arena, &message))
        message = (struct message){.id = entry->message};
    id_format(entry->message, id);
    listing->count++;
    if (listing->call->json) {
        buffer_printf(out, "{\"id\":\"%s\",\"size\":%" PRIu64 ",\"removed\":\"", id, entry->size);
        verb_time(out, removed_ms);
        buffer_append_byte(out, '"');
        verb_json_field(out, "mailbox", mailbox);
        verb_json_field(out, "sender", message.sender);
        verb_json_field(out, "subject", message.subject);
        buffer_append(out, TEXT("}\n"));
    } else {
        verb_time(out, removed_ms);
        buffer_printf(out, " %s %10" PRIu64 " %-12.*s ", id, entry->size, TEXT_ARG(mailbox));
        verb_clean(out, message.subject);
        buffer_append_byte(out, '\n');
    }
    arena_finish(&arena);
}

/* YIELDS. */
static enum status undelete(const struct accounts *accounts, struct admin_call *call,
                            const struct keeping_choice *choice, bool lists)
{
    struct listing listing = {.store = accounts->store, .call = call};
    uint64_t restored;
    if (lists) {
        keeping_each(accounts->store, choice, print_kept, &listing);
        return listing.count > 0 ? OK : refused("nothing like that is kept");
    }
    enum status status = keeping_restore(accounts->store, choice, &restored);
    buffer_printf(call->out, "messages put back: %" PRIu64 "\n", restored);
    if (status == OK && restored == 0)
        status = refused("nothing like that is kept");
    return status;
}

enum status verb_mailbox_undelete(void *state, struct admin_call *call)
{
    struct keeping_choice choice = {.since_ms = 0};
    struct arena arena;
    uint64_t since_ms = 0;
    bool lists = verb_take_switch(call, TEXT("--list"));
    arena_init(&arena);
    enum status status = verb_take_option(call, TEXT("--mailbox"), &choice.mailbox);
    if (status == OK)
        status = verb_take_time(call, TEXT("--since"), &since_ms);
    if (status == OK)
        status = verb_check_words(call, 1, 1,
                                  "mailbox undelete ADDRESS|public [--mailbox NAME] [--since T] "
                                  "[--list]");
    if (status == OK)
        status = verb_owner(call->words[0], &arena, &choice.owner);
    if (since_ms > 0)
        choice.since_ms = clock_wall_ms() - (int64_t)since_ms;
    if (status == OK)
        status = undelete(queue_accounts(state), call, &choice, lists);
    arena_finish(&arena);
    return status;
}

enum status verb_mailbox_purge(void *state, struct admin_call *call)
{
    struct arena arena;
    struct text owner;
    uint64_t older_ms = 0;
    arena_init(&arena);
    enum status status = verb_take_time(call, TEXT("--older"), &older_ms);
    if (status == OK)
        status = verb_check_words(call, 1, 1, "mailbox purge ADDRESS|public [--older T]");
    if (status == OK)
        status = verb_owner(call->words[0], &arena, &owner);
    /* Without --older also what was removed in this very second. */
    int64_t before_ms = clock_wall_ms() + (older_ms == 0 ? SECOND : -(int64_t)older_ms);
    if (status == OK)
        status = kept_expire(queue_store(state), owner, before_ms, UINT64_MAX);
    arena_finish(&arena);
    return status;
}
