/* A second index is brought up beside a store that is never quiet: on a medium so slow that some
 * changes are committed and applied whenever a part of the log is read. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "log/file.h"
#include "queue_peer.h"
#include "store/mailbox.h"
#include "store/store.h"

/* Used by the threads that read and write. */
static atomic_uint syncs;
static atomic_bool is_slow;

static int counting_sync(void *context, int fd)
{
    int result = log_files_of_kernel.sync(context, fd);
    atomic_fetch_add(&syncs, 1);
    return result;
}

/* Takes as long as some commits, or a while when none comes, as one that waits for this. */
static ssize_t slow_read(void *context, int fd, void *out, size_t length, off_t offset)
{
    enum { COMMITS = 3, STEP_US = 1000, STEPS_MOST = 200 };
    ssize_t got = log_files_of_kernel.read(context, fd, out, length, offset);
    unsigned before = atomic_load(&syncs);
    for (unsigned i = 0; i < STEPS_MOST && atomic_load(&is_slow); i++) {
        if (atomic_load(&syncs) - before >= COMMITS)
            break;
        usleep(STEP_US);
    }
    return got;
}

struct writing {
    struct store *store;
    bool ended;
    unsigned rounds;
};

static void write_on(void *argument)
{
    struct writing *writing = argument;
    struct mailbox *box = mailbox_find(writing->store, TEXT("alice"), TEXT("INBOX"));
    while (!writing->ended) {
        uint64_t flag = writing->rounds % 2 == 0 ? FLAG_FLAGGED : 0;
        EXPECT(mailbox_flag(box, 1, flag, FLAG_FLAGGED & ~flag) == OK);
        writing->rounds++;
    }
}

static void put(struct store *store)
{
    struct change change;
    struct message_entry entry = {.date_ms = 1};
    struct mailbox *box = mailbox_find_or_make(store, TEXT("alice"), TEXT("INBOX"));
    change_init(&change);
    EXPECT(mailbox_compose(box, &change, &entry));
    struct operation operation = {.type = OPERATION_MESSAGE,
                                  .message = {.message = {.id = 1, .size = 4},
                                              .body_follows = true,
                                              .entries = &entry,
                                              .entry_count = 1}};
    change_add(&change, &operation);
    change.body = TEXT("body");
    EXPECT(store_commit(store, &change) == OK);
    change_finish(&change);
}

static void say(void *context, const char *line)
{
    unused(context);
    print_message("%s\n", line);
}

static void verify_while_written(struct store *store)
{
    struct task_group group;
    struct writing writing = {.store = store};
    put(store);
    task_group_init(&group);
    task_spawn(&group, "writer", write_on, &writing);
    atomic_store(&is_slow, true);
    EXPECT(store_verify(store, say, NULL) == OK);
    atomic_store(&is_slow, false);
    unsigned before = writing.rounds;
    while (writing.rounds == before) /* it was held for a moment, not for good */
        task_yield();
    writing.ended = true;
    EXPECT(task_group_wait(&group, NO_DEADLINE) == OK);
    EXPECT(store_verify(store, say, NULL) == OK);
}

static void play(void *argument)
{
    struct task_group group;
    struct store *store;
    struct log_files files = log_files_of_kernel;
    files.sync = counting_sync;
    files.read = slow_read;
    struct store_options options = {.directory = argument,
                                    .index_in_memory = true,
                                    .segment_bytes = 1 << 20,
                                    .files = &files,
                                    .group = &group};
    task_group_init(&group);
    EXPECT(store_open(&options, &store) == OK);
    verify_while_written(store);
    store_close(&store);
    task_group_finish(&group);
}

TEST("a shadow comes level with a store that is never quiet")
{
    char directory[] = "/tmp/mailroot-shadow-XXXXXX";
    check(mkdtemp(directory) != NULL);
    task_loop_run(play, directory);
    queue_peer_remove(directory);
}
