#include "queue/filter/scripts_cache.h"

#include <stdlib.h>

#include "account/absence.h"
#include "base/check.h"
#include "base/logline.h"
#include "base/map.h"
#include "store/scripts.h"
#include "store/value.h"

enum { NAME_ROOM = SCRIPT_NAME_MAX + 64 };

struct scripts_cache {
    struct map *owners;        /* key -> struct cached_script */
    struct cached_script none; /* stands for owners without a script */
    size_t bytes;
};

struct scripts_cache *scripts_cache_new(void)
{
    struct scripts_cache *cache = calloc(1, sizeof(*cache));
    check(cache != NULL);
    cache->owners = map_new();
    return cache;
}

static void free_script(struct scripts_cache *cache, struct cached_script *script)
{
    if (script == NULL || script == &cache->none)
        return;
    sieve_script_free(&script->compiled);
    sieve_script_free(&script->absence);
    free((char *)script->name.data);
    free((char *)script->error.data);
    free(script);
}

static void forget_all(struct scripts_cache *cache)
{
    size_t position = 0;
    void *value;
    while (map_next(cache->owners, &position, NULL, &value))
        free_script(cache, value);
    map_free(&cache->owners);
    cache->bytes = 0;
}

void scripts_cache_free(struct scripts_cache **cache)
{
    if (*cache == NULL)
        return;
    forget_all(*cache);
    free(*cache);
    *cache = NULL;
}

void scripts_cache_changed(struct scripts_cache *cache, struct text owner, struct text name)
{
    if (script_is_value(name) || absence_is_value(name))
        free_script(cache, map_remove(cache->owners, owner));
}

/* Where `include` finds the owner's other scripts. There are none for all. */
struct library {
    struct store *store;
    struct text owner;
    struct arena *arena;
};

static bool find_included(void *context, bool is_global, struct text name, struct text *source)
{
    const struct library *library = context;
    struct buffer bytes;
    buffer_init(&bytes, VALUE_BYTES_MAX);
    bool found = !is_global && script_get(library->store, library->owner, name, &bytes);
    if (found)
        *source = arena_copy(library->arena, buffer_text(&bytes));
    buffer_finish(&bytes);
    return found;
}

static void compile(struct cached_script *script, struct store *store, struct text owner,
                    struct text name, struct text source)
{
    struct arena arena;
    struct buffer error;
    arena_init(&arena);
    buffer_init(&error, 4096);
    struct library library = {store, owner, &arena};
    struct sieve_library finder = {.context = &library, .find = find_included};
    script->name = text_of(text_to_string(name), name.length);
    if (sieve_compile(source, &finder, &error, &script->compiled) != OK) {
        struct text why = buffer_text(&error);
        script->compiled = NULL;
        script->error = text_of(text_to_string(why), why.length);
    }
    buffer_finish(&error);
    arena_finish(&arena);
}

/* It is of our making, and compiles. */
static void compile_absence(struct cached_script *script, struct text owner,
                            const struct absence *absence, struct arena *arena)
{
    struct buffer error;
    buffer_init(&error, 4096);
    if (sieve_compile(absence_script(absence, owner, arena), NULL, &error, &script->absence) != OK)
        log_error("sieve.absence_malformed", "user=%s reason=%s", log_text(owner),
                  log_text(buffer_text(&error)));
    script->absent_from_ms = absence->from_ms;
    script->absent_until_ms = absence->until_ms;
    buffer_finish(&error);
}

static struct cached_script *load(struct scripts_cache *cache, struct store *store,
                                  struct text owner)
{
    struct buffer name, source;
    struct arena arena;
    struct absence absence;
    struct cached_script *script = calloc(1, sizeof(*script));
    check(script != NULL);
    arena_init(&arena);
    buffer_init(&name, NAME_ROOM);
    buffer_init(&source, VALUE_BYTES_MAX);
    script_active(store, owner, &name);
    bool has_own = name.length > 0 && script_get(store, owner, buffer_text(&name), &source);
    if (has_own)
        compile(script, store, owner, buffer_text(&name), buffer_text(&source));
    bool has_absence = absence_get(store, owner, &arena, &absence) && absence.is_on;
    if (has_absence)
        compile_absence(script, owner, &absence, &arena);
    cache->bytes +=
        source.length + (has_absence ? absence.inside.length + absence.outside.length : 0);
    buffer_finish(&source);
    buffer_finish(&name);
    arena_finish(&arena);
    if (has_own || has_absence)
        return script;
    free(script);
    return &cache->none;
}

const struct cached_script *scripts_cache_find(struct scripts_cache *cache, struct store *store,
                                               struct text owner)
{
    struct cached_script *script = map_get(cache->owners, owner);
    if (script == NULL) {
        if (map_count(cache->owners) >= SCRIPTS_CACHE_OWNERS ||
            cache->bytes >= SCRIPTS_CACHE_BYTES) {
            forget_all(cache);
            cache->owners = map_new();
        }
        script = load(cache, store, owner);
        map_put(cache->owners, owner, script);
    }
    return script == &cache->none ? NULL : script;
}
