#include "directory/senders.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "directory/state.h"
#include "mail/address.h"

/* An address, and the user it leads to. */
struct identity {
    struct text key, user;
};

struct senders {
    struct directory *directory;
    struct arena *arena;
    struct identity login, sender;
    struct map *groups; /* group's key -> struct membership */
};

struct membership {
    bool has_login, has_sender;
};

/* ---- Writing ---- */

static enum status normalise_word(const struct directory *directory, struct text word,
                                  struct arena *arena, struct text *out)
{
    struct text key, canonical;
    bool is_group = text_starts_with(word, TEXT("@"));
    if (text_starts_with(word, TEXT("*@"))) {
        struct text domain;
        if (!mail_domain_to_ascii(text_from_position(word, 2), arena, &domain))
            return refused("'%.*s' names no domain", TEXT_ARG(word));
        *out = arena_printf(arena, "*@%.*s", TEXT_ARG(domain));
        return OK;
    }
    struct text address = is_group ? text_from_position(word, 1) : word;
    enum status status = directory_address(directory, address, arena, &key, &canonical);
    if (status != OK || text_find(key, ' ') < key.length)
        return refused("'%.*s' is no sender; write user@example.org, *@example.org, or @group",
                       TEXT_ARG(word));
    *out = arena_printf(arena, "%s%.*s", is_group ? "@" : "", TEXT_ARG(key));
    return OK;
}

enum status senders_normalise(const struct directory *directory, struct text written,
                              struct arena *arena, struct text *out)
{
    struct text word;
    *out = TEXT("");
    while (text_word(&written, &word)) {
        struct text kept;
        enum status status = normalise_word(directory, word, arena, &kept);
        if (status != OK)
            return status;
        *out = arena_printf(arena, "%.*s%s%.*s", TEXT_ARG(*out), out->length > 0 ? " " : "",
                            TEXT_ARG(kept));
    }
    return out->length > 0 ? OK : refused("no senders are named");
}

/* ---- Matching ---- */

static struct identity identity_of(struct directory *directory, struct text key,
                                   struct arena *arena)
{
    struct identity identity = {key, TEXT("")};
    if (key.length > 0 && directory_holds(directory, key))
        identity.user = directory_user_of(directory, key, arena);
    return identity;
}

struct senders *senders_new(struct directory *directory, struct text sender, struct text login,
                            struct arena *arena)
{
    struct senders *senders = arena_alloc(arena, sizeof(*senders));
    senders->directory = directory;
    senders->arena = arena;
    senders->login = identity_of(directory, login, arena);
    senders->sender = identity_of(directory, sender, arena);
    senders->groups = map_new();
    return senders;
}

void senders_free(struct senders **senders)
{
    if (*senders == NULL)
        return;
    map_free(&(*senders)->groups);
    *senders = NULL;
}

struct text senders_user(const struct senders *senders)
{
    if (senders->login.key.length > 0)
        return senders->login.user.length > 0 ? senders->login.user : senders->login.key;
    return senders->sender.user;
}

static bool is_he(const struct identity *identity, struct text key)
{
    return identity->key.length > 0 &&
           (text_equals_nocase(identity->key, key) ||
            (identity->user.length > 0 && text_equals_nocase(identity->user, key)));
}

/* Asked once for each group, whatever the number of lists that name it. */
static const struct membership *membership(struct senders *senders, struct text group)
{
    struct membership *known = map_get(senders->groups, group);
    struct mail_address address;
    if (known != NULL)
        return known;
    struct text key = mail_address_parse(group, senders->arena, &address) == OK
                          ? mail_address_key(&address, senders->arena)
                          : group;
    struct directory_question question = {.keys = &key, .count = 1};
    struct directory_answer answer = {0};
    known = arena_alloc(senders->arena, sizeof(*known));
    if (directory_resolve(senders->directory, &question, senders->arena, &answer) != OK)
        answer.target_count = 0; /* the caller asks directory_ready before it answers */
    for (unsigned i = 0; i < answer.target_count; i++) {
        known->has_login |= is_he(&senders->login, answer.targets[i].address);
        known->has_sender |= is_he(&senders->sender, answer.targets[i].address);
    }
    map_put(senders->groups, group, known);
    return known;
}

static bool names(struct senders *senders, struct text word, const struct identity *identity)
{
    if (identity->key.length == 0)
        return false;
    if (text_starts_with(word, TEXT("@"))) {
        const struct membership *known = membership(senders, text_from_position(word, 1));
        return identity == &senders->login ? known->has_login : known->has_sender;
    }
    if (text_starts_with(word, TEXT("*@")))
        return text_equals_nocase(directory_domain(identity->key), text_from_position(word, 2));
    return is_he(identity, word);
}

static bool names_somebody(struct senders *senders, struct text word, enum senders_who who)
{
    bool is_logged_in = senders->login.key.length > 0;
    if (names(senders, word, &senders->login))
        return true;
    return (who == SENDERS_EITHER || !is_logged_in) && names(senders, word, &senders->sender);
}

struct text senders_match(struct senders *senders, struct text list, enum senders_who who)
{
    struct text word;
    while (text_word(&list, &word))
        if (names_somebody(senders, word, who))
            return word;
    return TEXT("");
}

struct text senders_match_names(struct senders *senders, const struct text *names_listed,
                                unsigned count, enum senders_who who)
{
    for (unsigned i = 0; i < count; i++)
        if (names_somebody(senders, names_listed[i], who))
            return names_listed[i];
    return TEXT("");
}
