/* What the queue keeps of scripts in memory is bounded, and as good as asking the store. */
#include "queue/filter/scripts_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue_peer.h"
#include "store/scripts.h"

#define ALICE "alice@local.test"

static void set_script(struct queue_peer *peer, const char *owner, struct text source)
{
    struct store *store = queue_store(peer->queue);
    EXPECT(script_put(store, text_from(owner), TEXT("main"), source) == SCRIPT_DONE);
    EXPECT(script_activate(store, text_from(owner), TEXT("main")) == SCRIPT_DONE);
}

static const struct cached_script *find(struct scripts_cache *cache, struct queue_peer *peer,
                                        const char *owner)
{
    return scripts_cache_find(cache, queue_store(peer->queue), text_from(owner));
}

static void many_owners(struct queue_peer *peer)
{
    char owner[40];
    struct scripts_cache *cache = scripts_cache_new();
    set_script(peer, ALICE, TEXT("keep;"));
    for (unsigned i = 0; i <= SCRIPTS_CACHE_OWNERS; i++) {
        snprintf(owner, sizeof(owner), "user%u@local.test", i);
        EXPECT(find(cache, peer, owner) == NULL);
        if (i % 40000 == 0)
            EXPECT_TEXT(find(cache, peer, ALICE)->name, "main");
    }
    set_script(peer, owner, TEXT("discard;"));
    scripts_cache_changed(cache, text_from(owner), TEXT("sieve/main"));
    EXPECT_TEXT(find(cache, peer, owner)->name, "main");
    EXPECT_TEXT(find(cache, peer, ALICE)->name, "main");
    scripts_cache_free(&cache);
    scripts_cache_free(&cache); /* which is NULL */
    EXPECT(cache == NULL);
}

TEST("of more owners than are kept each one's script is found anew")
{
    queue_peer_run(many_owners);
}

static void large_scripts(struct queue_peer *peer)
{
    enum { BYTES = 250 << 10, OWNERS = SCRIPTS_CACHE_BYTES / BYTES + 2 };
    char owner[40], *source = malloc(BYTES);
    struct scripts_cache *cache = scripts_cache_new();
    check(source != NULL);
    memset(source, ' ', BYTES);
    memcpy(source, "keep;", 5);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < OWNERS; i++) {
            snprintf(owner, sizeof(owner), "user%u@local.test", i);
            if (round == 0)
                set_script(peer, owner, text_of(source, BYTES));
            EXPECT(find(cache, peer, owner)->compiled != NULL);
        }
    scripts_cache_free(&cache);
    free(source);
}

TEST("so is it of scripts that are more than is kept together")
{
    queue_peer_run(large_scripts);
}
