#include "admin/verbs_account.h"

#include <inttypes.h>

#include "account/quota.h"
#include "admin/words.h"
#include "mail/address.h"
#include "proto/imap/search/imap_index.h"
#include "store/fresh.h"
#include "store/hierarchy.h"

enum status verb_owner(struct text word, struct arena *arena, struct text *owner)
{
    struct mail_address address;
    *owner = ACCOUNT_PUBLIC;
    if (text_equals(word, ACCOUNT_PUBLIC))
        return OK;
    enum status status = mail_address_parse(word, arena, &address);
    if (status == OK)
        *owner = mail_address_key(&address, arena);
    return status;
}

enum status verb_user(struct queue *queue, const struct admin_call *call, struct arena *arena,
                      struct text *user)
{
    struct mail_address address;
    enum status status = mail_address_parse(call->words[0], arena, &address);
    if (status != OK)
        return status;
    *user = mail_address_key(&address, arena);
    return queue_check_user(queue, *user);
}

static void print_preferences(const struct accounts *accounts, struct text user,
                              struct admin_call *call)
{
    struct buffer *out = call->out;
    for (enum preference which = 0; which < PREFERENCES; which++) {
        struct buffer value;
        buffer_init(&value, 256);
        bool is_own = preference_write(accounts, user, which, &value);
        if (call->json) {
            buffer_printf(out, "{\"name\":\"%s\"", preference_name(which));
            verb_json_field(out, "value", buffer_text(&value));
            buffer_printf(out, ",\"own\":%s}\n", is_own ? "true" : "false");
        } else {
            buffer_printf(out, "%-18s %-12.*s %-8s %s\n", preference_name(which),
                          TEXT_ARG(buffer_text(&value)), is_own ? "own" : "default",
                          preference_help(which));
        }
        buffer_finish(&value);
    }
}

enum status verb_set_preference(const struct accounts *accounts, struct text user,
                                enum preference which, struct text value)
{
    enum status status = preference_set(accounts, user, which, value);
    if (status == OK && which == PREFERENCE_CHARSET)
        imap_index_follow(accounts, user);
    /* What waited while it was off waits no longer. */
    if (status == OK && which == PREFERENCE_SEARCH_INDEX)
        task_event_tell_all(fresh_news(accounts->store));
    return status;
}

enum status verb_user_set(void *state, struct admin_call *call)
{
    const struct accounts *accounts = queue_accounts(state);
    struct arena arena;
    struct text user;
    enum status status = call->count == 2 ? refused("usage: user set ADDRESS [NAME VALUE|default]")
                                          : verb_check_words(call, 1, 3,
                                                             "user set ADDRESS "
                                                             "[NAME VALUE|default]");
    arena_init(&arena);
    if (status == OK)
        status = verb_user(state, call, &arena, &user);
    if (status == OK && call->count == 1) {
        print_preferences(accounts, user, call);
    } else if (status == OK) {
        enum preference which = preference_find(call->words[1]);
        status = which < PREFERENCES
                     ? verb_set_preference(accounts, user, which, call->words[2])
                     : refused("'%.*s' is no setting of a mailbox; without NAME all are shown, and "
                               "what the directory knows of a user by mailroot directory set",
                               TEXT_ARG(call->words[1]));
    }
    arena_finish(&arena);
    return status;
}

/* "12.3MB of 5GB" */
static void put_share(struct buffer *out, const char *unit, uint64_t used, uint64_t limit)
{
    buffer_printf(out, "%12" PRIu64 " %s", used, unit);
    if (limit > 0)
        buffer_printf(out, " of %" PRIu64 " (%" PRIu64 "%%)", limit, used / (limit / 100 + 1));
}

static void print_quota(const struct accounts *accounts, struct text owner, struct admin_call *call)
{
    struct quota quota = quota_of(accounts, owner);
    struct buffer *out = call->out;
    if (call->json) {
        buffer_append(out, TEXT("{\"owner\":"));
        admin_json_text(out, owner);
        buffer_printf(out,
                      ",\"bytes\":%" PRIu64 ",\"bytes_limit\":%" PRIu64 ",\"messages\":%" PRIu64
                      ",\"messages_limit\":%" PRIu64 "}\n",
                      quota.used.bytes, quota.bytes_limit, quota.used.messages,
                      quota.messages_limit);
        return;
    }
    buffer_printf(out, "%-40.*s", TEXT_ARG(owner));
    put_share(out, "bytes", quota.used.bytes, quota.bytes_limit);
    buffer_append_byte(out, ',');
    put_share(out, "messages", quota.used.messages, quota.messages_limit);
    buffer_append_byte(out, '\n');
}

static enum status set_quota(const struct accounts *accounts, struct text user,
                             const struct admin_call *call)
{
    enum status status = preference_set(accounts, user, PREFERENCE_QUOTA, call->words[1]);
    if (status == OK && call->count == 4)
        status = preference_set(accounts, user, PREFERENCE_QUOTA_MESSAGES, call->words[3]);
    return status;
}

enum status verb_user_quota(void *state, struct admin_call *call)
{
    static const char usage[] = "user quota ADDRESS [SIZE|0|default [messages NUMBER|0|default]]";
    const struct accounts *accounts = queue_accounts(state);
    struct arena arena;
    struct text user;
    enum status status = verb_check_words(call, 1, 4, usage);
    if (status == OK &&
        (call->count == 3 || (call->count == 4 && !text_equals(call->words[2], TEXT("messages")))))
        status = refused("usage: %s", usage);
    arena_init(&arena);
    if (status == OK)
        status = verb_user(state, call, &arena, &user);
    if (status == OK && call->count > 1)
        status = set_quota(accounts, user, call);
    if (status == OK)
        print_quota(accounts, user, call);
    arena_finish(&arena);
    return status;
}

struct owners {
    const struct accounts *accounts;
    struct admin_call *call;
    struct text domain; /* "": all */
    unsigned count;
};

static bool print_owner(void *context, struct text owner)
{
    struct owners *owners = context;
    struct text domain = text_from_position(owner, text_find_last(owner, '@') + 1);
    if (!text_is_empty(owners->domain) && !text_equals_nocase(domain, owners->domain))
        return true;
    owners->count++;
    print_quota(owners->accounts, owner, owners->call);
    return true;
}

enum status verb_mailbox_quota(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 0, 1, "mailbox quota [DOMAIN]");
    if (status != OK)
        return status;
    struct owners owners = {.accounts = queue_accounts(state),
                            .call = call,
                            .domain = call->count == 1 ? call->words[0] : TEXT("")};
    mailbox_each_owner(queue_store(state), print_owner, &owners);
    return owners.count > 0 ? OK : refused("nobody there has a mailbox");
}
