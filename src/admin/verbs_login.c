#include "admin/verbs_login.h"

#include "admin/words.h"
#include "base/check.h"
#include "base/clock.h"
#include "directory/certificates.h"
#include "directory/networks.h"

enum status verb_login_test(void *state, struct admin_call *call)
{
    char user[DIRECTORY_USER_MAX];
    enum status status = verb_check_words(call, 1, 1, "login test ADDRESS");
    if (status != OK)
        return status;
    struct directory_login login = {.user = call->words[0], .password = call->input};
    status = directory_authenticate(state, &login, user);
    if (status == OK)
        verb_say_done(call, text_from(user), "OK");
    else if (status == REFUSED)
        verb_say_done(call, call->words[0], "refused");
    return status;
}

/* ---- Wrong passwords ---- */

static void print_attempts(void *context, const struct throttle_entry *entry)
{
    struct admin_call *call = context;
    const char *state = entry->is_locked ? "locked" : entry->waits_ms > 0 ? "slowed" : "open";
    int64_t until_ms = entry->waits_ms > 0 ? clock_wall_ms() + entry->waits_ms : 0;
    if (call->json) {
        buffer_append(call->out, TEXT("{\"account\":"));
        admin_json_text(call->out, entry->account);
        verb_json_field(call->out, "network", entry->network);
        verb_json_field(call->out, "state", text_from(state));
        buffer_printf(call->out, ",\"wrong\":%u,\"until_ms\":%lld}\n", entry->wrong,
                      (long long)until_ms);
        return;
    }
    struct text any = TEXT("any");
    buffer_printf(call->out, "%-40.*s %-24.*s %-6s %5u ",
                  TEXT_ARG(entry->account.length > 0 ? entry->account : any),
                  TEXT_ARG(entry->network.length > 0 ? entry->network : any), state, entry->wrong);
    verb_time(call->out, until_ms);
    buffer_append_byte(call->out, '\n');
}

enum status verb_login_list(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 0, 0, "login list");
    size_t before = call->out->length;
    if (status == OK)
        directory_attempts(state, print_attempts, call);
    if (status == OK && call->out->length == before)
        status = refused("no wrong passwords lately");
    return status;
}

enum status verb_login_unlock(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 1, 1, "login unlock NETWORK");
    if (status != OK)
        return status;
    char network[THROTTLE_NETWORK_BYTES];
    struct text word = call->words[0];
    /* As login list shows it, or any address in it. */
    if (text_find(word, '/') == word.length)
        word = text_from(throttle_network(word, network));
    if (!directory_unlock_network(state, word))
        return refused("no wrong passwords came from %.*s lately", TEXT_ARG(word));
    verb_say_done(call, word, "unlocked");
    return OK;
}

enum status verb_user_unlock(void *state, struct admin_call *call)
{
    struct arena arena;
    struct text key;
    arena_init(&arena);
    enum status status = verb_take_address(state, call, "user unlock ADDRESS", &arena, &key);
    if (status == OK && !directory_unlock_account(state, key))
        status = refused("no wrong passwords were tried for %.*s lately", TEXT_ARG(key));
    if (status == OK)
        verb_say_done(call, key, "unlocked");
    arena_finish(&arena);
    return status;
}

static void print_network(void *context, struct text network, int64_t seen_ms)
{
    struct admin_call *call = context;
    if (call->json) {
        buffer_append(call->out, TEXT("{\"network\":"));
        admin_json_text(call->out, network);
        buffer_printf(call->out, ",\"seen_ms\":%lld}\n", (long long)seen_ms);
        return;
    }
    buffer_printf(call->out, "%-40.*s ", TEXT_ARG(network));
    verb_time(call->out, seen_ms);
    buffer_append_byte(call->out, '\n');
}

enum status verb_login_networks(void *state, struct admin_call *call)
{
    struct arena arena;
    struct text key;
    size_t before = call->out->length;
    arena_init(&arena);
    enum status status = verb_take_address(state, call, "login networks ADDRESS", &arena, &key);
    if (status == OK)
        network_list(state, key, print_network, call);
    if (status == OK && call->out->length == before)
        status = refused("%.*s has logged in from nowhere yet", TEXT_ARG(key));
    arena_finish(&arena);
    return verb_found(state, status);
}

/* ---- Certificates ---- */

typedef enum status certificate_change(struct directory *directory, struct text user,
                                       struct text digest);

static enum status change_certificate(struct directory *directory, struct admin_call *call,
                                      certificate_change *change, const char *usage,
                                      const char *done)
{
    unsigned char digest[DIRECTORY_DIGEST_BYTES];
    struct arena arena;
    struct text key, canonical;
    arena_init(&arena);
    enum status status = verb_check_words(call, 2, 2, usage);
    if (status == OK)
        status = directory_address(directory, call->words[0], &arena, &key, &canonical);
    if (status == OK)
        status = certificate_digest(call->words[1], digest);
    if (status == OK)
        status = change(directory, key, text_of(digest, sizeof(digest)));
    if (status == OK)
        verb_say_done(call, key, done);
    arena_finish(&arena);
    return status;
}

enum status verb_certificate_add(void *state, struct admin_call *call)
{
    return change_certificate(state, call, certificate_add, "user certificate add ADDRESS SHA256",
                              "certificate added");
}

enum status verb_certificate_remove(void *state, struct admin_call *call)
{
    return change_certificate(state, call, certificate_remove,
                              "user certificate remove ADDRESS SHA256", "certificate removed");
}

static void print_certificate(void *context, struct text digest)
{
    struct admin_call *call = context;
    if (call->json)
        buffer_append(call->out, TEXT("{\"sha256\":\""));
    for (size_t i = 0; i < digest.length; i++)
        buffer_printf(call->out, "%s%02x", i > 0 ? ":" : "", (unsigned char)digest.data[i]);
    buffer_append(call->out, call->json ? TEXT("\"}\n") : TEXT("\n"));
}

enum status verb_certificate_list(void *state, struct admin_call *call)
{
    struct arena arena;
    struct text key;
    size_t before = call->out->length;
    arena_init(&arena);
    enum status status =
        verb_take_address(state, call, "user certificate list ADDRESS", &arena, &key);
    if (status == OK)
        certificate_list(state, key, print_certificate, call);
    if (status == OK && call->out->length == before)
        status = refused("%.*s has no certificates", TEXT_ARG(key));
    arena_finish(&arena);
    return verb_found(state, status);
}
