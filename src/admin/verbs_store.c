/* Verbs about the store, mailboxes and bad mail. */
#include "admin/verbs_store.h"

#include <inttypes.h>

#include "admin/verbs_account.h"
#include "admin/words.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "mail/address.h"
#include "queue/queue.h"
#include "store/kept.h"
#include "store/mailbox.h"
#include "store/shown.h"

static void print_finding(void *context, const char *line)
{
    struct admin_call *call = context;
    if (call->json) {
        buffer_append(call->out, TEXT("{\"finding\":"));
        admin_json_text(call->out, text_from(line));
        buffer_append(call->out, TEXT("}\n"));
    } else {
        buffer_printf(call->out, "%s\n", line);
    }
}

enum status verb_store_verify(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 0, 0, "store verify");
    if (status == OK)
        status = store_verify(queue_store(state), print_finding, call);
    if (status == OK)
        buffer_append(call->out, call->json ? TEXT("{\"sound\":true}\n")
                                            : TEXT("every record is sound, and the index says "
                                                   "what the log says\n"));
    return status;
}

enum status verb_store_rebuild(void *state, struct admin_call *call)
{
    unused(state);
    enum status status = verb_check_words(call, 0, 0, "store rebuild");
    if (status != OK)
        return status;
    return refused("the index is made anew while the server is stopped: stop it, run `mailroot "
                   "store rebuild`, start it (a damaged index is made anew at every start anyway)");
}

enum status verb_store_status(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 0, 0, "store status");
    if (status != OK)
        return status;
    struct store *store = queue_store(state);
    struct store_space space = store_space_now(store);
    struct log_health health = log_health_now(store_log(store));
    struct queue_counts counts = queue_counts_now(state);
    const char *failed = index_failed(store_index(store));
    struct text trouble = health.failing ? text_from(health.reason) : text_from(failed);
    if (counts.low_space && text_is_empty(trouble))
        trouble = TEXT("too little free space: new mail gets 452");
    if (index_is_stand_in(store_index(store)) && text_is_empty(trouble))
        trouble = TEXT("the index is in memory until the disk has room");
    const struct {
        const char *name, *label;
        uint64_t value;
    } rows[] = {
        {"records", "records in the log", health.records},
        {"segments", "segments", health.segments},
        {"log_bytes", "bytes in the log", space.log_bytes},
        {"live_bytes", "of these needed", space.live_bytes},
        {"torn_bytes", "torn tail cut at start", health.torn_bytes},
        {"damaged_records", "damaged records", health.damaged_records},
        {"sync_us", "last sync, microseconds", health.sync_us},
        {"batches", "batches since start", health.batches},
        {"appended", "records since start", health.appended},
        {"index_applied", "index stands at record", index_applied(store_index(store))},
        {"messages", "messages in the queue", counts.messages},
        {"items", "queue items", counts.items},
        {"hops", "next hops", counts.hops},
        {"sending", "being sent", counts.sending},
        {"stories_dropped", "stories dropped", space.stories_dropped},
    };
    struct text word = text_is_empty(trouble) ? TEXT("good") : TEXT("failing");
    if (call->json) {
        buffer_append(call->out, TEXT("{\"health\":"));
        admin_json_text(call->out, word);
        verb_json_field(call->out, "reason", trouble);
        for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            buffer_printf(call->out, ",\"%s\":%" PRIu64, rows[i].name, rows[i].value);
        buffer_append(call->out, TEXT("}\n"));
        return OK;
    }
    buffer_printf(call->out, "%-26s %.*s%s%.*s\n", "health", TEXT_ARG(word),
                  text_is_empty(trouble) ? "" : ": ", TEXT_ARG(trouble));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        buffer_printf(call->out, "%-26s %" PRIu64 "\n", rows[i].label, rows[i].value);
    return OK;
}

struct box_listing {
    struct admin_call *call;
    struct text owner; /* "": all */
};

static void print_mailbox(void *context, struct mailbox *box)
{
    const struct box_listing *listing = context;
    struct admin_call *call = listing->call;
    struct mailbox_totals totals = mailbox_totals(box);
    if (kept_is_owner(mailbox_owner(box), NULL))
        return;
    if (!text_is_empty(listing->owner) && !text_equals(listing->owner, mailbox_owner(box)))
        return;
    if (call->json) {
        buffer_append(call->out, TEXT("{\"owner\":"));
        admin_json_text(call->out, mailbox_owner(box));
        verb_json_field(call->out, "name", mailbox_name(box));
        buffer_printf(call->out, ",\"messages\":%u,\"bytes\":%" PRIu64 ",\"uid_next\":%u}\n",
                      totals.messages, totals.bytes, mailbox_uid_next(box));
    } else {
        buffer_printf(call->out, "%-40.*s %-12.*s %8u %12" PRIu64 "\n",
                      TEXT_ARG(mailbox_owner(box)), TEXT_ARG(mailbox_name(box)), totals.messages,
                      totals.bytes);
    }
}

enum status verb_mailbox_list(void *state, struct admin_call *call)
{
    struct box_listing listing = {.call = call};
    struct arena arena;
    enum status status = verb_check_words(call, 0, 1, "mailbox list [ADDRESS|public]");
    arena_init(&arena);
    if (status == OK && call->count == 1)
        status = verb_owner(call->words[0], &arena, &listing.owner);
    if (status == OK && !call->json)
        buffer_printf(call->out, "%-40s %-12s %8s %12s\n", "owner", "mailbox", "messages", "bytes");
    if (status == OK)
        mailbox_each(queue_store(state), print_mailbox, &listing);
    arena_finish(&arena);
    return status;
}

static void print_message(struct admin_call *call, struct store *store,
                          const struct mailbox_entry *entry)
{
    struct arena arena;
    struct message message;
    char id[ID_TEXT_BYTES];
    arena_init(&arena);
    if (!store_message(store, entry->message, &arena, &message))
        message = (struct message){.id = entry->message};
    id_format(entry->message, id);
    if (call->json) {
        buffer_printf(call->out, "{\"uid\":%u,\"id\":\"%s\",\"size\":%" PRIu64 ",\"date\":\"",
                      entry->uid, id, entry->size);
        verb_time(call->out, entry->date_ms);
        buffer_append(call->out, TEXT("\""));
        verb_json_field(call->out, "sender", message.sender);
        verb_json_field(call->out, "subject", message.subject);
        verb_json_field(call->out, "message_id", message.message_id);
        buffer_append(call->out, TEXT("}\n"));
    } else {
        buffer_printf(call->out, "%8u %s %10" PRIu64 " ", entry->uid, id, entry->size);
        verb_time(call->out, entry->date_ms);
        buffer_printf(call->out, " <%.*s> ", TEXT_ARG(message.sender));
        verb_clean(call->out, message.subject);
        buffer_append_byte(call->out, '\n');
    }
    arena_finish(&arena);
}

enum status verb_mailbox_messages(void *state, struct admin_call *call)
{
    struct arena arena;
    struct mail_address address;
    enum status status = verb_check_words(call, 1, 1, "mailbox messages ADDRESS");
    arena_init(&arena);
    if (status == OK)
        status = mail_address_parse(call->words[0], &arena, &address);
    struct store *store = queue_store(state);
    struct mailbox *box = NULL;
    if (status == OK)
        box = mailbox_find(store, mail_address_key(&address, &arena), TEXT("INBOX"));
    arena_finish(&arena);
    if (status == OK && box == NULL)
        return refused("nothing has been delivered to this address");
    if (status != OK)
        return status;
    unsigned count;
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    for (unsigned i = 0; i < count; i++)
        print_message(call, store, &entries[i]);
    mailbox_close(&box);
    return count > 0 ? OK : refused("the mailbox is empty");
}

struct bad_listing {
    struct admin_call *call;
    unsigned count;
};

static void print_bad(void *context, const struct queue_view *view)
{
    struct bad_listing *listing = context;
    struct buffer *out = listing->call->out;
    char id[ID_TEXT_BYTES];
    if (!text_equals(text_from(view->state), TEXT("bad")))
        return;
    for (unsigned i = 0; i < view->recipient_count; i++, listing->count++) {
        const struct queue_view_recipient *recipient = &view->recipients[i];
        id_format(view->id, id);
        if (listing->call->json) {
            buffer_printf(out, "{\"id\":\"%s\",\"size\":%" PRIu64 ",\"received\":\"", id,
                          view->size);
            verb_time(out, view->received_ms);
            buffer_append(out, TEXT("\""));
            verb_json_field(out, "recipient", recipient->address);
            verb_json_field(out, "status", recipient->enhanced);
            verb_json_field(out, "error", recipient->last_error);
            buffer_append(out, TEXT("}\n"));
            continue;
        }
        buffer_printf(out, "%s %10" PRIu64 " ", id, view->size);
        verb_time(out, view->received_ms);
        buffer_printf(out, " %.*s: %.*s ", TEXT_ARG(recipient->address),
                      TEXT_ARG(recipient->enhanced));
        verb_clean(out, recipient->last_error);
        buffer_append_byte(out, '\n');
    }
}

enum status verb_badmail_list(void *state, struct admin_call *call)
{
    struct bad_listing listing = {.call = call};
    enum status status = verb_check_words(call, 0, 0, "badmail list");
    if (status != OK)
        return status;
    queue_each(state, 0, print_bad, &listing);
    return OK;
}

enum status verb_badmail_show(void *state, struct admin_call *call)
{
    enum { AT_ONCE = 256 << 10, MOST = 8 << 20 };
    uint64_t id;
    enum status status = verb_check_words(call, 1, 1, "badmail show ID");
    if (status == OK)
        status = verb_take_id(call, &id);
    size_t before = call->out->length, last = SIZE_MAX;
    while (status == OK && call->out->length != last && call->out->length - before < MOST) {
        last = call->out->length;
        status = mailbox_read(queue_store(state), id, last - before, AT_ONCE, call->out);
    }
    return status;
}

enum status verb_badmail_requeue(void *state, struct admin_call *call)
{
    uint64_t id;
    unsigned count = 0;
    enum status status = verb_check_words(call, 1, 1, "badmail requeue ID");
    if (status == OK)
        status = verb_take_id(call, &id);
    if (status == OK)
        status = queue_requeue_bad(state, id, &count);
    if (status != OK)
        return status;
    buffer_printf(call->out, call->json ? "{\"requeued\":%u}\n" : "requeued: %u\n", count);
    return count > 0 ? OK : refused("there is no such bad mail");
}

enum status verb_badmail_purge(void *state, struct admin_call *call)
{
    uint64_t id = 0;
    unsigned count = 0;
    enum status status = call->count == 1 && text_equals(call->words[0], TEXT("--all"))
                             ? OK
                             : verb_check_words(call, 1, 1, "badmail purge ID|--all");
    if (status == OK && !text_equals(call->words[0], TEXT("--all")))
        status = verb_take_id(call, &id);
    if (status == OK)
        status = queue_purge_bad(state, id, &count);
    if (status != OK)
        return status;
    buffer_printf(call->out, call->json ? "{\"purged\":%u}\n" : "purged: %u\n", count);
    return count > 0 ? OK : refused("there is no such bad mail");
}
