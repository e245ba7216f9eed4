/* Mail that meets scripts, from the front to mailboxes and hops, and what is asked of it after. The
 * directory is a real one where a test wants one: local.test with alice, bob and carol, and what
 * the test puts there. Include it in one file of a program. */
#ifndef TESTS_UNIT_FILTER_SCENE_H
#define TESTS_UNIT_FILTER_SCENE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "directory/attribute.h"
#include "queue_peer.h"
#include "store/scripts.h"

#define ALICE "alice@local.test"
#define BOB "bob@local.test"
#define FAR "far@remote.example"
#define HEADER "From: " FAR "\r\nTo: " ALICE "\r\nSubject: Invoice 7\r\nMessage-ID: <m1@far>\r\n"
#define MESSAGE HEADER "\r\nPay.\r\n"

static inline void set_script(struct queue_peer *peer, const char *owner, const char *source)
{
    struct store *store = queue_store(peer->queue);
    EXPECT(script_put(store, text_from(owner), TEXT("main"), text_from(source)) == SCRIPT_DONE);
    EXPECT(script_activate(store, text_from(owner), TEXT("main")) == SCRIPT_DONE);
}

static inline enum status send_to(struct queue_peer *peer, const char *message, const char *to)
{
    struct queue_peer_mail mail = {
        .sender = TEXT(FAR), .body = text_from(message), .to = {text_from(to)}, .to_count = 1};
    return queue_peer_mail(peer, &mail);
}

/* The only message of a mailbox. */
static inline bool only_entry(struct queue_peer *peer, const char *owner, const char *name,
                              struct mailbox_entry *out)
{
    struct mailbox *box = mailbox_find(queue_store(peer->queue), text_from(owner), text_from(name));
    unsigned count = 0;
    *out = (struct mailbox_entry){0};
    if (box == NULL)
        return false;
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    if (count == 1)
        *out = entries[0];
    mailbox_close(&box);
    return count == 1;
}

struct told {
    struct text wanted;
    bool found;
};

static inline void look_for(void *context, int64_t wall_ms, struct text event, struct text text)
{
    struct told *told = context;
    unused(wall_ms);
    unused(event);
    told->found |= text_find_text(text, told->wanted) < text.length;
}

static inline bool is_told(struct queue_peer *peer, uint64_t id, const char *wanted)
{
    struct told told = {.wanted = text_from(wanted)};
    store_stories(queue_store(peer->queue), id, look_for, &told);
    return told.found;
}

static inline bool has(struct text text, const char *part)
{
    return text_find_text(text, text_from(part)) < text.length;
}

/* The owner's mailbox has so many messages. */
static inline bool holds(struct queue_peer *peer, const char *owner, unsigned count)
{
    return queue_peer_count(peer, owner) == count;
}

/* The first job, when there are as many as that and no more. */
static inline struct queue_job *take_jobs(struct queue_peer *peer, unsigned count,
                                          struct arena *arena)
{
    struct queue_job *jobs;
    EXPECT(queue_peer_lease(peer, 10, arena, &jobs) == count);
    return jobs;
}

/* The directory */

static inline void add_members(struct queue_peer *peer, enum directory_list_kind kind,
                               const char *key, const char *const *members)
{
    struct arena arena;
    struct directory_member one;
    arena_init(&arena);
    for (; *members != NULL; members++) {
        EXPECT(directory_address(peer->addresses, text_from(*members), &arena, &one.key,
                                 &one.address) == OK);
        EXPECT(directory_list_add(peer->addresses, kind, text_from(key), &one, 1) == OK);
    }
    arena_finish(&arena);
}

#define ADD_GROUP(peer, key, ...)                                                                  \
    add_members(peer, LIST_GROUP, key, (const char *const[]){__VA_ARGS__, NULL})
#define ADD_ALIAS(peer, key, ...)                                                                  \
    add_members(peer, LIST_ALIAS, key, (const char *const[]){__VA_ARGS__, NULL})

static inline void set_attribute(struct queue_peer *peer, const char *key, enum attribute which,
                                 const char *value)
{
    enum status status = attribute_set(peer->addresses, text_from(key), which, text_from(value));
    if (status != OK)
        print_error("%s\n", fail_reason());
    EXPECT(status == OK);
}

static inline void add_user(struct queue_peer *peer, const char *key)
{
    EXPECT(directory_user_add(peer->addresses, text_from(key), TEXT(""), TEXT("")) == OK);
}

static void (*played_with_directory)(struct queue_peer *peer);

static inline void tell_of_change(void *peer)
{
    queue_directory_back(((struct queue_peer *)peer)->queue);
}

static inline void play_with_directory(struct queue_peer *peer)
{
    char path[] = "/tmp/mailroot-directory-XXXXXX";
    EXPECT(mkdtemp(path) != NULL);
    struct directory_options options = {
        .path = path, .settings = peer->settings, .group = &peer->group};
    EXPECT(directory_open(&options, &peer->addresses) == OK);
    directory_on_change(peer->addresses, tell_of_change, peer);
    played_with_directory(peer);
    directory_on_change(peer->addresses, NULL, NULL);
    directory_close(&peer->addresses);
    queue_peer_remove(path);
}

/* As queue_peer_run; the arena lives as long as the test runs. */
static inline void run_with_directory(struct arena *arena, void (*test)(struct queue_peer *peer))
{
    arena_init(arena);
    played_with_directory = test;
    queue_peer_run(play_with_directory);
    arena_finish(arena);
}

#endif
