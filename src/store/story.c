/* Stories: what `trace` tells of a message, a session or a refusal. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "store/internal.h"
#include "task/task.h"

enum {
    STORIES_PER_SECOND = 2000, /* told one by one; above, they are counted and dropped */
    STORIES_PER_RECORD = 256,
    STORY_TEXT_MAX = 4096,
};

uint64_t store_message_id_hash(struct text message_id)
{
    return text_is_empty(message_id) ? 0 : hash_checksum(message_id) | 1;
}

void store_story(struct store *store, uint64_t id, struct text event, struct text text)
{
    int64_t now = clock_wall_ms();
    if (now / SECOND != store->story_second) {
        store->story_second = now / SECOND;
        store->story_second_count = 0;
    }
    if (store->story_count >= STORIES_PER_SECOND ||
        store->story_second_count >= STORIES_PER_SECOND) {
        store->stories_dropped++;
        return;
    }
    store->story_second_count++;
    if (store->story_count++ == 0)
        task_event_tell_all(&store->story_news);
    struct operation operation = {.type = OPERATION_STORY,
                                  .story = {.id = id,
                                            .wall_ms = now,
                                            .event = text_head(event, 64),
                                            .text = text_head(text, STORY_TEXT_MAX)}};
    change_add(&store->stories, &operation);
}

/* Move at most STORIES_PER_RECORD operations off the front into change. */
static void take_some(struct store *store, struct change *change)
{
    struct text rest = buffer_text(&store->stories.operations);
    struct arena arena;
    struct operation operation;
    bool bad;
    arena_init(&arena);
    unsigned taken = 0;
    while (taken < STORIES_PER_RECORD && change_next(&rest, &arena, &operation, &bad)) {
        change_add(change, &operation);
        taken++;
    }
    arena_finish(&arena);
    buffer_consume(&store->stories.operations, store->stories.operations.length - rest.length);
    store->story_count -= taken;
}

enum status store_story_await(struct store *store)
{
    while (store->story_count == 0)
        if (task_event_wait(&store->story_news, NO_DEADLINE) != OK)
            return TRY_LATER;
    return OK;
}

void store_story_flush(struct store *store)
{
    enum status status = OK;
    while (store->story_count > 0 && status == OK) {
        struct change change;
        change_init(&change);
        take_some(store, &change);
        status = store_commit(store, &change);
        change_finish(&change);
    }
    if (store->story_count == 0)
        buffer_reset(&store->stories.operations, 1 << 16);
}

struct story_walk {
    store_story_visit *visit;
    void *context;
    bool found;
};

static bool walk_stories(void *context, struct text key, struct text value)
{
    struct story_walk *walk = context;
    unused(key);
    struct wire_reader in = wire_reader_of(value);
    wire_get_u64(&in); /* hash of the Message-ID */
    while (!wire_end(&in)) {
        int64_t wall_ms = (int64_t)wire_get_u64(&in);
        struct text event = wire_get_text(&in), text = wire_get_text(&in);
        if (in.bad)
            break;
        walk->found = true;
        walk->visit(walk->context, wall_ms, event, text);
    }
    return true;
}

bool store_stories(struct store *store, uint64_t id, store_story_visit *visit, void *context)
{
    struct story_walk walk = {.visit = visit, .context = context};
    struct key key;
    index_scan(store->index, key_stories(&key, id), TEXT(""), walk_stories, &walk);
    return walk.found;
}

struct id_list {
    uint64_t *ids;
    unsigned count, most;
};

static bool add_id(void *context, struct text key, struct text value)
{
    struct id_list *list = context;
    unused(value);
    list->ids[list->count++] = key_get_u64(key, 8);
    return list->count < list->most;
}

unsigned store_find_message_id(struct store *store, struct text message_id, uint64_t *ids,
                               unsigned most)
{
    struct id_list list = {.ids = ids, .most = most};
    struct key key;
    uint64_t hash = store_message_id_hash(message_id);
    if (hash != 0 && most > 0)
        index_scan(store->index, key_hashes(&key, hash), TEXT(""), add_id, &list);
    return list.count;
}

/* A walk over the stories of all ids, in steps; each begins behind the last key of the one before.
 */
struct address_search {
    struct text address;
    uint64_t *ids;
    unsigned count, most, steps_left;
    struct key last;
};

/* A character that makes an address longer. A dot does when another such follows: it may end a
 * sentence. */
static bool joins(struct text text, size_t at)
{
    if (at >= text.length)
        return false;
    unsigned char c = (unsigned char)text.data[at];
    if (c == '.')
        return at + 1 < text.length && text.data[at + 1] != '.' && joins(text, at + 1);
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '+' || c >= 0x80;
}

/* The address whole, not as a part of a longer one. Any case. */
static bool names_address(struct text text, struct text address)
{
    bool is_domain = address.data[0] == '@';
    for (size_t i = 0; i + address.length <= text.length; i++)
        if (text_equals_nocase(text_of(text.data + i, address.length), address) &&
            (i == 0 || is_domain || (text.data[i - 1] != '.' && !joins(text, i - 1))) &&
            !joins(text, i + address.length))
            return true;
    return false;
}

struct event_match {
    struct text address;
    bool found;
};

static void match_event(void *context, int64_t wall_ms, struct text event, struct text text)
{
    struct event_match *match = context;
    unused(wall_ms), unused(event);
    match->found |= names_address(text, match->address);
}

/* A full list loses its oldest. */
static void add_newest(struct address_search *search, uint64_t id)
{
    if (search->count > 0 && search->ids[search->count - 1] == id)
        return;
    if (search->count == search->most)
        memmove(search->ids, search->ids + 1, --search->count * sizeof(*search->ids));
    search->ids[search->count++] = id;
}

static bool search_address(void *context, struct text key, struct text value)
{
    struct address_search *search = context;
    struct event_match match = {.address = search->address};
    struct story_walk walk = {.visit = match_event, .context = &match};
    walk_stories(&walk, key, value);
    if (match.found)
        add_newest(search, key_get_u64(key, 0));
    search->last.length = (unsigned)key.length;
    memcpy(search->last.bytes, key.data, key.length);
    return --search->steps_left > 0;
}

unsigned store_find_address(struct store *store, struct text address, int64_t since_wall_ms,
                            uint64_t *ids, unsigned most)
{
    enum { STEPS = 500 };
    struct address_search search = {.address = address, .ids = ids, .most = most};
    if (text_is_empty(address) || most == 0)
        return 0;
    key_story(&search.last, id_first(since_wall_ms), 0);
    do {
        search.steps_left = STEPS;
        struct key from = search.last;
        /* The first key that is greater than the last one read. */
        from.bytes[from.length++] = '\0';
        index_scan(store->index, TEXT("t"), text_of(from.bytes, from.length), search_address,
                   &search);
        task_yield();
    } while (search.steps_left == 0);
    return search.count;
}

/* Which ids one record may forget: bounds the work of one apply. */
struct expiry_search {
    int64_t before_wall_ms;
    uint64_t below;
    unsigned count;
};

static bool search_expired(void *context, struct text key, struct text value)
{
    enum { AT_ONCE = 1000 };
    struct expiry_search *search = context;
    unused(value);
    uint64_t id = key_get_u64(key, 0);
    if (id_time_ms(id) >= search->before_wall_ms || search->count++ >= AT_ONCE)
        return false;
    search->below = id + 1;
    return true;
}

enum status store_expire_stories(struct store *store, int64_t before_wall_ms)
{
    for (;;) {
        struct expiry_search search = {.before_wall_ms = before_wall_ms};
        index_scan(store->index, TEXT("t"), TEXT(""), search_expired, &search);
        if (search.below == 0)
            return OK;
        struct change change;
        change_init(&change);
        struct operation operation = {.type = OPERATION_STORY_EXPIRE, .expire_below = search.below};
        change_add(&change, &operation);
        enum status status = store_commit(store, &change);
        change_finish(&change);
        if (status != OK)
            return status;
    }
}
