#include "directory/cache.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"

/* More recipients than this are expanded by auth, which finds duplicates in linear time. */
enum { EXPAND_MOST = 16 };

/* Of a sender who is a user of ours. */
struct known_sender {
    char user[DIRECTORY_USER_MAX];
    uint64_t send_bytes, recipients;
};

struct directory_cache {
    struct map *answers; /* address key -> mailbox, NUL-ended; "" when only known to be taken */
    struct map *senders; /* login or sender -> struct known_sender */
    struct map *rights;  /* user, LF, server -> struct directory_rights */
    uint64_t clearings;
};

static void make_maps(struct directory_cache *cache)
{
    cache->answers = map_new();
    cache->senders = map_new();
    cache->rights = map_new();
}

struct directory_cache *directory_cache_new(void)
{
    struct directory_cache *cache = calloc(1, sizeof(*cache));
    check(cache != NULL);
    make_maps(cache);
    return cache;
}

static void free_map(struct map **map)
{
    size_t position = 0;
    void *value;
    while (map_next(*map, &position, NULL, &value))
        free(value);
    map_free(map);
}

static void forget_all(struct directory_cache *cache)
{
    free_map(&cache->answers);
    free_map(&cache->senders);
    free_map(&cache->rights);
}

void directory_cache_free(struct directory_cache **cache)
{
    if (*cache == NULL)
        return;
    forget_all(*cache);
    free(*cache);
    *cache = NULL;
}

void directory_cache_clear(struct directory_cache *cache)
{
    cache->clearings++;
    if (map_count(cache->answers) + map_count(cache->senders) + map_count(cache->rights) == 0)
        return;
    forget_all(cache);
    make_maps(cache);
}

static void keep(struct directory_cache *cache, struct text key, struct text mailbox)
{
    if (map_count(cache->answers) >= DIRECTORY_CACHE_MAX)
        directory_cache_clear(cache);
    free(map_put(cache->answers, key, text_to_string(mailbox)));
}

enum status directory_cache_check(struct directory_cache *cache, struct rpc_channel *auth,
                                  struct text address_key)
{
    if (map_get(cache->answers, address_key) != NULL)
        return OK;
    uint64_t clearings = cache->clearings;
    enum status status = directory_check(auth, address_key);
    /* A change told of while we waited may be newer than the answer. */
    if (status == OK && cache->clearings == clearings)
        keep(cache, address_key, TEXT(""));
    return status;
}

static bool has_target(const struct directory_target *targets, unsigned count, struct text address)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equals(targets[i].address, address))
            return true;
    return false;
}

/* Whatever the directory knows, it has nobody there. */
static bool is_elsewhere(const struct directory_question *question, struct text key)
{
    size_t at = text_find_last(key, '@');
    return question->settings != NULL && at < key.length &&
           settings_domain_find(question->settings, text_from_position(key, at + 1)) == NULL;
}

/* False when it is not known. */
static bool target_from_memory(const struct directory_cache *cache,
                               const struct directory_question *question, unsigned i,
                               struct directory_target *target)
{
    struct text key = question->keys[i];
    *target = (struct directory_target){.recipient = i};
    if (is_elsewhere(question, key)) {
        target->kind = TARGET_REMOTE;
        target->address = key;
        return true;
    }
    target->kind = TARGET_MAILBOX;
    target->address = text_from(map_get(cache->answers, key));
    target->receive_bytes = DIRECTORY_NO_LIMIT;
    return !text_is_empty(target->address);
}

/* False when some key is not known. */
static bool targets_from_memory(const struct directory_cache *cache,
                                const struct directory_question *question, struct arena *arena,
                                struct directory_answer *out)
{
    out->targets = arena_array(arena, question->count, sizeof(*out->targets));
    for (unsigned i = 0; i < question->count; i++) {
        struct directory_target *target = &out->targets[out->target_count];
        if (!target_from_memory(cache, question, i, target))
            return false;
        if (has_target(out->targets, out->target_count, target->address))
            continue;
        target->address = arena_copy(arena, target->address);
        out->target_count++;
    }
    return true;
}

static struct text sender_of(const struct directory_facts *facts)
{
    return facts->login.length > 0 ? facts->login : facts->sender;
}

/* Who is not ours has no limits of his own. */
static bool sender_from_memory(const struct directory_cache *cache,
                               const struct directory_facts *facts, struct arena *arena,
                               struct directory_answer *out)
{
    if (facts == NULL || !facts->is_ours)
        return true;
    const struct known_sender *sender = map_get(cache->senders, sender_of(facts));
    if (sender == NULL)
        return false;
    out->user = arena_copy(arena, text_from(sender->user));
    out->send_bytes = sender->send_bytes;
    out->recipients = sender->recipients;
    return true;
}

static bool expand_from_memory(const struct directory_cache *cache,
                               const struct directory_question *question, struct arena *arena,
                               struct directory_answer *out)
{
    *out = (struct directory_answer){.send_bytes = DIRECTORY_NO_LIMIT,
                                     .recipients = DIRECTORY_NO_LIMIT};
    return question->count <= EXPAND_MOST &&
           sender_from_memory(cache, question->facts, arena, out) &&
           targets_from_memory(cache, question, arena, out);
}

/* Keep what was answered for keys that are one mailbox each: theirs alone, and asked about once. */
static void keep_expanded(struct directory_cache *cache, const struct directory_question *question,
                          const struct directory_answer *answer)
{
    const struct directory_target *target = answer->targets;
    if (question->count == 1 && answer->target_count == 1 && target->kind == TARGET_MAILBOX &&
        !answer->depends && target->group == 0 && target->receive_bytes == DIRECTORY_NO_LIMIT)
        keep(cache, question->keys[0], target->address);
}

static void keep_sender(struct directory_cache *cache, const struct directory_facts *facts,
                        const struct directory_answer *answer)
{
    if (facts == NULL || !facts->is_ours || answer->user.length == 0)
        return;
    struct known_sender *sender = calloc(1, sizeof(*sender));
    check(sender != NULL);
    sender->send_bytes = answer->send_bytes;
    sender->recipients = answer->recipients;
    if (map_count(cache->senders) >= DIRECTORY_CACHE_MAX)
        directory_cache_clear(cache);
    if (text_copy(answer->user, sender->user, sizeof(sender->user)))
        free(map_put(cache->senders, sender_of(facts), sender));
    else
        free(sender);
}

enum status directory_cache_expand(struct directory_cache *cache, struct rpc_channel *auth,
                                   const struct directory_question *question, struct arena *arena,
                                   struct directory_answer *out)
{
    if (expand_from_memory(cache, question, arena, out))
        return OK;
    uint64_t clearings = cache->clearings;
    enum status status = directory_expand(auth, question, arena, out);
    if (status == OK && cache->clearings == clearings) {
        keep_expanded(cache, question, out);
        keep_sender(cache, question->facts, out);
    }
    return status;
}

enum status directory_cache_rights(struct directory_cache *cache, struct rpc_channel *auth,
                                   struct text user, struct text server,
                                   struct directory_rights *out)
{
    char name[DIRECTORY_USER_MAX + 256];
    int length = snprintf(name, sizeof(name), "%.*s\n%.*s", TEXT_ARG(user), TEXT_ARG(server));
    struct text key = text_of(name, (size_t)length < sizeof(name) ? (size_t)length : 0);
    const struct directory_rights *known = map_get(cache->rights, key);
    if (known != NULL) {
        *out = *known;
        return OK;
    }
    uint64_t clearings = cache->clearings;
    enum status status = directory_rights(auth, user, server, out);
    if (status != OK || cache->clearings != clearings || key.length == 0)
        return status;
    struct directory_rights *kept = calloc(1, sizeof(*kept));
    check(kept != NULL);
    *kept = *out;
    if (map_count(cache->rights) >= DIRECTORY_CACHE_MAX)
        directory_cache_clear(cache);
    free(map_put(cache->rights, key, kept));
    return OK;
}
