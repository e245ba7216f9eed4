/* Verbs about users, aliases, groups and logins. */
#include "admin/verbs_attribute.h"
#include "admin/verbs_login.h"
#include "admin/words.h"

#include "base/check.h"
#include "base/clock.h"
#include "directory/directory.h"
#include "directory/keys.h"
#include "directory/ntlm_users.h"
#include "directory/password.h"
#include "mail/address.h"

/* ---- Words and output ---- */

/* The first word as an address of ours; nothing but the address when most is 1. */
enum status verb_take_address(struct directory *directory, const struct admin_call *call,
                              const char *usage, struct arena *arena, struct text *key)
{
    struct text canonical;
    enum status status = verb_check_words(call, 1, 1, usage);
    return status == OK ? directory_address(directory, call->words[0], arena, key, &canonical)
                        : status;
}

enum status verb_found(struct directory *directory, enum status found)
{
    enum status ready = directory_ready(directory);
    return ready == OK ? found : ready;
}

/* What was done, for people; with --json the object alone says it. */
void verb_say_done(struct admin_call *call, struct text key, const char *word)
{
    if (call->json) {
        buffer_append(call->out, TEXT("{\"address\":"));
        admin_json_text(call->out, key);
        verb_json_field(call->out, "done", text_from(word));
        buffer_append(call->out, TEXT("}\n"));
    } else {
        buffer_printf(call->out, "%.*s: %s\n", TEXT_ARG(key), word);
    }
}

/* ---- Users ---- */

static const char *user_state(const struct directory_user *user)
{
    if (!user->enabled)
        return "disabled";
    return user->hash.length > 0 ? "enabled" : "no-password";
}

static void print_user_json(struct buffer *out, const struct directory_user *user)
{
    buffer_append(out, TEXT("{\"address\":"));
    admin_json_text(out, user->key);
    verb_json_field(out, "state", text_from(user_state(user)));
    verb_json_field(out, "name", user->name);
    buffer_printf(out, ",\"created_ms\":%lld,\"in_settings\":%s}\n", (long long)user->created_ms,
                  user->file != NULL ? "true" : "false");
}

static void print_user_line(void *context, const struct directory_user *user)
{
    struct admin_call *call = context;
    if (call->json) {
        print_user_json(call->out, user);
        return;
    }
    buffer_printf(call->out, "%-40.*s %-11s %-9s %.*s\n", TEXT_ARG(user->key), user_state(user),
                  user->file != NULL ? "settings" : "directory", TEXT_ARG(user->name));
}

/* The hash given with --hash, or that of the password typed in. YIELDS. */
static enum status new_hash(const struct admin_call *call, struct text imported,
                            char out[DIRECTORY_HASH_MAX])
{
    if (imported.length == 0)
        return password_hash(call->input, out);
    if (!password_hash_is_usable(imported) || !text_copy(imported, out, DIRECTORY_HASH_MAX))
        return refused("the hash is of no known kind; wanted is crypt(5) form, as $y$ or $6$");
    return OK;
}

/* SCRAM's keys, and those asked for: from a password that was typed in, not from a hash. YIELDS. */
static enum status new_keys(struct directory *directory, const struct admin_call *call,
                            struct text key, const char *hash, unsigned with)
{
    enum status status = login_keys_set(directory, key, text_from(hash), call->input, with);
    return status == REFUSED && with == 0 ? OK : status;
}

static enum status user_add(void *state, struct admin_call *call)
{
    struct text imported, name, key;
    struct arena arena;
    char hash[DIRECTORY_HASH_MAX];
    arena_init(&arena);
    enum status status = verb_take_option(call, TEXT("--hash"), &imported);
    if (status == OK)
        status = verb_take_option(call, TEXT("--name"), &name);
    if (status == OK)
        status = verb_take_address(state, call, "user add ADDRESS [--name NAME] [--hash HASH]",
                                   &arena, &key);
    if (status == OK)
        status = directory_is_ours(state, key);
    if (status == OK)
        status = new_hash(call, imported, hash);
    if (status == OK)
        status = directory_user_add(state, key, text_from(hash), name);
    if (status == OK && imported.length == 0)
        status = new_keys(state, call, key, hash, 0);
    if (status == OK)
        verb_say_done(call, key, "added");
    arena_finish(&arena);
    return status;
}

static enum status user_passwd(void *state, struct admin_call *call)
{
    struct text imported, key;
    struct arena arena;
    char hash[DIRECTORY_HASH_MAX];
    arena_init(&arena);
    unsigned with = verb_take_switch(call, TEXT("--allow-cram")) ? WITH_CRAM : 0;
    with |= verb_take_switch(call, TEXT("--ntlm")) ? WITH_NTLM : 0;
    enum status status = verb_take_option(call, TEXT("--hash"), &imported);
    if (status == OK && with != 0 && imported.length > 0)
        status = refused("--allow-cram and --ntlm need the password itself, not a hash of it");
    if (status == OK)
        status = verb_take_address(state, call,
                                   "user passwd ADDRESS [--allow-cram] [--ntlm] | [--hash HASH]",
                                   &arena, &key);
    if (status == OK && (with & WITH_NTLM) != 0)
        status = ntlm_user_check(key, call->input);
    if (status == OK)
        status = new_hash(call, imported, hash);
    if (status == OK)
        status = directory_user_set_password(state, key, text_from(hash));
    if (status == OK && imported.length == 0)
        status = new_keys(state, call, key, hash, with);
    if (status == OK)
        verb_say_done(call, key, "password set");
    arena_finish(&arena);
    return status;
}

typedef enum status user_change(struct directory *directory, struct text key);

static enum status change_user(struct directory *directory, struct admin_call *call,
                               const char *usage, user_change *change, const char *done)
{
    struct arena arena;
    struct text key;
    arena_init(&arena);
    enum status status = verb_take_address(directory, call, usage, &arena, &key);
    if (status == OK)
        status = change(directory, key);
    if (status == OK)
        verb_say_done(call, key, done);
    arena_finish(&arena);
    return status;
}

static enum status user_remove(void *state, struct admin_call *call)
{
    return change_user(state, call, "user remove ADDRESS", directory_user_remove, "removed");
}

static enum status enable(struct directory *directory, struct text key)
{
    return directory_user_enable(directory, key, true);
}

static enum status disable(struct directory *directory, struct text key)
{
    return directory_user_enable(directory, key, false);
}

static enum status user_enable(void *state, struct admin_call *call)
{
    return change_user(state, call, "user enable ADDRESS", enable, "enabled");
}

static enum status user_disable(void *state, struct admin_call *call)
{
    return change_user(state, call, "user disable ADDRESS", disable, "disabled");
}

static enum status user_list(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 0, 1, "user list [DOMAIN]");
    if (status != OK)
        return status;
    struct arena arena;
    struct text domain = TEXT("");
    size_t before = call->out->length;
    arena_init(&arena);
    if (call->count > 0 && !mail_domain_to_ascii(call->words[0], &arena, &domain))
        status = refused("%.*s is no domain", TEXT_ARG(call->words[0]));
    if (status == OK)
        directory_user_list(state, domain, print_user_line, call);
    arena_finish(&arena);
    if (status == OK && call->out->length == before)
        status = refused("no users");
    return verb_found(state, status);
}

static void print_user(struct admin_call *call, const struct directory_user *user)
{
    struct buffer *out = call->out;
    buffer_printf(out, "address   %.*s\nstate     %s\n", TEXT_ARG(user->key), user_state(user));
    if (user->name.length > 0)
        buffer_printf(out, "name      %.*s\n", TEXT_ARG(user->name));
    if (user->is_recorded) {
        buffer_append(out, TEXT("created   "));
        verb_time(out, user->created_ms);
        buffer_append_byte(out, '\n');
    }
    if (user->file != NULL)
        buffer_printf(out, "settings  %.*s:%u\n", TEXT_ARG(user->file->place.file),
                      user->file->place.line);
}

static enum status user_show(void *state, struct admin_call *call)
{
    struct arena arena;
    struct text key;
    struct directory_user user;
    arena_init(&arena);
    enum status status = verb_take_address(state, call, "user show ADDRESS", &arena, &key);
    if (status == OK && !directory_user_find(state, key, &arena, &user))
        status = refused("there is no user %.*s", TEXT_ARG(key));
    if (status == OK && call->json)
        print_user_json(call->out, &user);
    else if (status == OK)
        print_user(call, &user);
    arena_finish(&arena);
    return verb_found(state, status);
}

/* ---- Aliases and groups ---- */

static enum status members_add(struct directory *directory, struct admin_call *call,
                               enum directory_list_kind kind, const char *usage)
{
    struct arena arena;
    struct text key, canonical;
    struct directory_member members[ADMIN_WORDS_MAX];
    arena_init(&arena);
    enum status status = verb_check_words(call, 2, ADMIN_WORDS_MAX, usage);
    if (status == OK)
        status = directory_address(directory, call->words[0], &arena, &key, &canonical);
    for (unsigned i = 1; status == OK && i < call->count; i++)
        status = directory_address(directory, call->words[i], &arena, &members[i - 1].key,
                                   &members[i - 1].address);
    if (status == OK)
        status = directory_list_add(directory, kind, key, members, call->count - 1);
    if (status == OK)
        verb_say_done(call, key, "added");
    arena_finish(&arena);
    return status;
}

static enum status members_remove(struct directory *directory, struct admin_call *call,
                                  enum directory_list_kind kind, const char *usage)
{
    struct arena arena;
    struct text key, canonical, members[ADMIN_WORDS_MAX];
    bool removed = false;
    arena_init(&arena);
    enum status status = verb_check_words(call, 1, ADMIN_WORDS_MAX, usage);
    if (status == OK)
        status = directory_address(directory, call->words[0], &arena, &key, &canonical);
    for (unsigned i = 1; status == OK && i < call->count; i++)
        status = directory_address(directory, call->words[i], &arena, &members[i - 1], &canonical);
    if (status == OK)
        status = directory_list_remove(directory, kind, key, members, call->count - 1, &removed);
    if (status == OK)
        verb_say_done(call, key,
                      !removed          ? "members removed"
                      : call->count > 1 ? "removed, nobody was left in it"
                                        : "removed");
    arena_finish(&arena);
    return status;
}

/* One list as one line; a long one is cut for people, never with --json. */
static void print_list(struct directory *directory, struct admin_call *call, struct text key)
{
    enum { MEMBERS_SHOWN = 5 };
    struct arena arena;
    struct directory_member *members;
    arena_init(&arena);
    unsigned count = directory_list_members(directory, key, &arena, &members);
    if (call->json) {
        buffer_append(call->out, TEXT("{\"address\":"));
        admin_json_text(call->out, key);
        buffer_append(call->out, TEXT(",\"members\":["));
        for (unsigned i = 0; i < count; i++) {
            buffer_append(call->out, i > 0 ? TEXT(",") : TEXT(""));
            admin_json_text(call->out, members[i].address);
        }
        buffer_append(call->out, TEXT("]}\n"));
    } else {
        buffer_printf(call->out, "%-40.*s", TEXT_ARG(key));
        for (unsigned i = 0; i < count && i < MEMBERS_SHOWN; i++)
            buffer_printf(call->out, " %.*s", TEXT_ARG(members[i].address));
        if (count > MEMBERS_SHOWN)
            buffer_printf(call->out, " and %u more", count - MEMBERS_SHOWN);
        buffer_append_byte(call->out, '\n');
    }
    arena_finish(&arena);
}

struct printing {
    struct directory *directory;
    struct admin_call *call;
};

static void print_list_visited(void *context, struct text key, int64_t created_ms)
{
    const struct printing *printing = context;
    unused(created_ms);
    print_list(printing->directory, printing->call, key);
}

static enum status lists_print(struct directory *directory, struct admin_call *call,
                               enum directory_list_kind kind, const char *usage)
{
    enum status status = verb_check_words(call, 0, 0, usage);
    if (status != OK)
        return status;
    size_t before = call->out->length;
    struct printing printing = {directory, call};
    directory_lists(directory, kind, print_list_visited, &printing);
    if (call->out->length == before)
        status = refused(kind == LIST_ALIAS ? "no aliases" : "no groups");
    return verb_found(directory, status);
}

static enum status alias_add(void *state, struct admin_call *call)
{
    return members_add(state, call, LIST_ALIAS, "alias add ADDRESS TARGET...");
}

static enum status alias_remove(void *state, struct admin_call *call)
{
    return members_remove(state, call, LIST_ALIAS, "alias remove ADDRESS [TARGET...]");
}

static enum status alias_list(void *state, struct admin_call *call)
{
    return lists_print(state, call, LIST_ALIAS, "alias list");
}

/* Those for whom the filter holds, and with members those too. */
static enum status group_add_filter(struct directory *directory, struct admin_call *call,
                                    struct text filter, const char *usage)
{
    struct arena arena;
    struct text key, canonical;
    arena_init(&arena);
    enum status status = verb_check_words(call, 1, ADMIN_WORDS_MAX, usage);
    if (status == OK)
        status = directory_address(directory, call->words[0], &arena, &key, &canonical);
    if (status == OK)
        status = directory_group_set_filter(directory, key, filter);
    if (status == OK && call->count == 1)
        verb_say_done(call, key, "added");
    arena_finish(&arena);
    return status;
}

static enum status group_add(void *state, struct admin_call *call)
{
    static const char usage[] = "group add ADDRESS MEMBER... | --filter FILTER [MEMBER...]";
    struct text filter;
    enum status status = verb_take_option(call, TEXT("--filter"), &filter);
    if (status == OK && filter.length > 0)
        status = group_add_filter(state, call, filter, usage);
    if (status != OK || (filter.length > 0 && call->count == 1))
        return status;
    return members_add(state, call, LIST_GROUP, usage);
}

static enum status group_remove(void *state, struct admin_call *call)
{
    return members_remove(state, call, LIST_GROUP, "group remove ADDRESS [MEMBER...]");
}

static enum status group_list(void *state, struct admin_call *call)
{
    return lists_print(state, call, LIST_GROUP, "group list");
}

static void print_members(struct directory *directory, struct admin_call *call, struct text key,
                          struct arena *arena)
{
    struct directory_member *members;
    unsigned count = directory_list_members(directory, key, arena, &members);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(call->out, "%.*s\n", TEXT_ARG(members[i].address));
}

static enum status group_show(void *state, struct admin_call *call)
{
    struct arena arena;
    struct text key;
    arena_init(&arena);
    enum status status = verb_take_address(state, call, "group show ADDRESS", &arena, &key);
    if (status == OK && directory_list_kind(state, key) != LIST_GROUP)
        status = refused("there is no group %.*s", TEXT_ARG(key));
    if (status == OK && call->json)
        print_list(state, call, key);
    else if (status == OK)
        print_members(state, call, key, &arena);
    arena_finish(&arena);
    return verb_found(state, status);
}

const struct admin_action admin_directory_actions[] = {
    {"user add", user_add},
    {"user passwd", user_passwd},
    {"user remove", user_remove},
    {"user list", user_list},
    {"user show", user_show},
    {"user disable", user_disable},
    {"user enable", user_enable},
    {"user unlock", verb_user_unlock},
    {"user certificate add", verb_certificate_add},
    {"user certificate remove", verb_certificate_remove},
    {"user certificate list", verb_certificate_list},
    {"alias add", alias_add},
    {"alias remove", alias_remove},
    {"alias list", alias_list},
    {"group add", group_add},
    {"group remove", group_remove},
    {"group list", group_list},
    {"group show", group_show},
    {"directory set", verb_directory_set},
    {"directory contacts", verb_directory_contacts},
    {"directory check", verb_directory_check},
    {"resolve", verb_resolve},
    {"login test", verb_login_test},
    {"login list", verb_login_list},
    {"login networks", verb_login_networks},
    {"login unlock", verb_login_unlock},
    {NULL, NULL},
};
