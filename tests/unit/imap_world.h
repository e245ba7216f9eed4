/* A world for IMAP sessions after the login: a store on a disk in memory, a client on one end of a
 * socket pair. Include it in one file of a program. */
#ifndef TESTS_UNIT_IMAP_WORLD_H
#define TESTS_UNIT_IMAP_WORLD_H

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/logline.h"
#include "base/random.h"
#include "log/memory_disk.h"
#include "proto/imap/imap.h"
#include "store/append.h"
#include "store/hierarchy.h"

enum { WORLD_HEARD_MAX = 64 << 20 };

static struct imap_world {
    struct memory_disk *disk;
    struct task_group group; /* of the store */
    struct store *store;
    struct settings *settings;
    struct text input;
    size_t cut; /* send in pieces of this size; 0: whole */
    struct buffer heard;
    uint64_t last_id;
    void (*prepare)(void);                /* before the session, in the loop; may be NULL */
    void (*finish)(void);                 /* behind it; to be set by prepare, may be NULL */
    void (*serve)(struct stream *stream); /* instead of IMAP; the same */
} imap_world;

#define WORLD_USER TEXT("alice@example.test")

static uint64_t world_id(void *context)
{
    unused(context);
    return ++imap_world.last_id;
}

static struct settings *world_settings(void)
{
    static const char lines[] = "host mx.example.test\ndomain example.test { user alice }\n";
    struct settings_source *source;
    struct settings *settings;
    struct buffer errors;
    buffer_init(&errors, 1 << 16);
    check(settings_source_of(TEXT("mailroot.conf"), text_from(lines), &source) == OK);
    check(settings_parse(source, 1, &errors, &settings) == OK);
    settings_source_free(&source);
    buffer_finish(&errors);
    return settings;
}

/* Put a message into a mailbox that is there. */
static inline void world_put(const char *name, struct text message)
{
    struct append *append = append_new(imap_world.store, world_id, NULL);
    struct mailbox *box = mailbox_find_or_make(imap_world.store, WORLD_USER, text_from(name));
    uint32_t uid;
    append_begin(append, 0, NULL, 0, INT64_C(1700000000000));
    check(append_bytes(append, message) == OK && append_end(append, false) == OK);
    check(append_commit(append, box, &uid) == OK);
    append_free(&append);
}

static void world_serve(void *argument)
{
    struct accounts accounts = {.store = imap_world.store, .settings = imap_world.settings};
    struct imap_options options = {.store = imap_world.store,
                                   .accounts = &accounts,
                                   .user = WORLD_USER,
                                   .session = 1,
                                   .peer = TEXT("192.0.2.9"),
                                   .append_bytes = 1 << 20,
                                   .max_errors = 1000};
    struct stream *stream = stream_new(*(int *)argument, NULL);
    if (imap_world.serve != NULL)
        imap_world.serve(stream);
    else
        imap_serve_mailboxes(stream, &options);
    stream_close(&stream);
}

static void world_say(void *argument)
{
    struct stream *stream = stream_new(*(int *)argument, NULL);
    struct text input = imap_world.input;
    while (input.length > 0) {
        struct text part = text_head(input, imap_world.cut == 0 ? input.length : imap_world.cut);
        stream_write(stream, part);
        if (stream_flush(stream) != OK)
            break;
        input = text_from_position(input, part.length);
        if (imap_world.cut > 0)
            task_yield();
    }
    stream_end_output(stream);
    while (stream_fill(stream) == OK) {
        struct text bytes = stream_buffered(stream);
        buffer_append(&imap_world.heard, bytes);
        stream_consume(stream, bytes.length);
    }
    stream_close(&stream);
}

static void world_run(void *argument)
{
    struct task_group sessions;
    int pair[2];
    unused(argument);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    task_group_init(&imap_world.group);
    task_group_init(&sessions);
    struct store_options options = {.directory = "/tmp",
                                    .index_in_memory = true,
                                    .segment_bytes = 1 << 20,
                                    .files = memory_disk_files(imap_world.disk),
                                    .group = &imap_world.group};
    check(store_open(&options, &imap_world.store) == OK);
    check(mailboxes_begin(imap_world.store, WORLD_USER) == OK);
    if (imap_world.prepare != NULL)
        imap_world.prepare();
    task_spawn(&sessions, "server", world_serve, &pair[0]);
    task_spawn(&sessions, "client", world_say, &pair[1]);
    task_group_wait(&sessions, NO_DEADLINE);
    if (imap_world.finish != NULL)
        imap_world.finish();
    store_close(&imap_world.store);
    task_group_finish(&imap_world.group);
}

/* Hold the conversation; what the server said, NUL-ended. The caller frees it. */
static char *world_talk(struct text input, size_t cut, void (*prepare)(void))
{
    memset(&imap_world, 0, sizeof(imap_world));
    log_setup("test", LOG_LEVEL_ERROR + 1);
    signal(SIGPIPE, SIG_IGN);
    random_seed_for_test(1); /* what is said twice is answered alike */
    imap_world.disk = memory_disk_new();
    imap_world.settings = world_settings();
    imap_world.input = input;
    imap_world.cut = cut;
    imap_world.prepare = prepare;
    buffer_init(&imap_world.heard, WORLD_HEARD_MAX);
    task_loop_run(world_run, NULL);
    char *heard = text_to_string(buffer_text(&imap_world.heard));
    buffer_finish(&imap_world.heard);
    memory_disk_free(&imap_world.disk);
    settings_release(&imap_world.settings);
    return heard;
}

#endif
