#include "main/offline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/verbs_parent.h"
#include "base/check.h"
#include "base/logline.h"
#include "directory/directory.h"
#include "main/mailbox_files.h"
#include "main/queue_place.h"
#include "main/site.h"
#include "queue/queue.h"

struct offline {
    const char *settings_path;
    struct text words[ADMIN_WORDS_MAX];
    unsigned count;
    struct buffer input; /* a password, or a file */
    struct buffer out;
    enum status status;
    char reason[REASON_BYTES];
};

/* Closing may fail for reasons of its own; the verb's is the one to tell. */
static void note_outcome(struct offline *offline, enum status status)
{
    offline->status = status;
    snprintf(offline->reason, sizeof(offline->reason), "%s", status == OK ? "" : fail_reason());
}

static void run_on_directory(struct offline *offline, struct settings *settings)
{
    struct arena arena;
    struct directory *directory = NULL;
    struct task_group group;
    task_group_init(&group);
    arena_init(&arena);
    struct text path = role_directory(role_find(ROLE_AUTH), settings, &arena);
    struct directory_options options = {.path = path.data, .settings = settings, .group = &group};
    enum status status = directory_open(&options, &directory);
    if (status == OK)
        status = admin_run(admin_directory_actions, directory, offline->words, offline->count,
                           buffer_text(&offline->input), &offline->out);
    note_outcome(offline, status);
    directory_close(&directory);
    task_group_finish(&group);
    arena_finish(&arena);
}

struct verb_side {
    struct stream *stream;
    struct queue *queue;
};

static void serve_side(void *argument)
{
    struct verb_side *side = argument;
    admin_serve_on(side->stream, admin_queue_actions, side->queue);
    stream_close(&side->stream);
}

/* The verb and who has the files, as two processes would. YIELDS. */
static enum status run_with_files(struct offline *offline, struct queue *queue)
{
    int ends[2];
    struct task_group group;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return try_later("no socket pair: %m");
    struct verb_side side = {stream_new(ends[0], NULL), queue};
    struct stream *stream = stream_new(ends[1], NULL);
    task_group_init(&group);
    task_spawn(&group, "verb", serve_side, &side);
    enum status status = mailbox_files_run(stream, offline->words, offline->count, &offline->out);
    struct reason reason = fail_keep();
    stream_close(&stream);
    task_group_wait(&group, NO_DEADLINE);
    return fail_again(status, reason.text);
}

static void run_on_store_in(struct offline *offline, struct settings *settings, const char *path)
{
    bool rebuild = offline->count == 2 && text_equals(offline->words[0], TEXT("store")) &&
                   text_equals(offline->words[1], TEXT("rebuild"));
    if (rebuild && store_forget_index(path) != OK) {
        note_outcome(offline, TRY_LATER);
        return;
    }
    struct queue *queue = queue_new();
    struct queue_options options = {.directory = path, .settings = settings};
    enum status status = queue_start(queue, &options);
    if (status == OK && rebuild)
        buffer_append(&offline->out, TEXT("the index was made anew from the log\n"));
    else if (status == OK && mailbox_files_is_verb(offline->words, offline->count))
        status = run_with_files(offline, queue);
    else if (status == OK)
        status = admin_run(admin_queue_actions, queue, offline->words, offline->count,
                           buffer_text(&offline->input), &offline->out);
    note_outcome(offline, status);
    queue_stop(&queue);
}

/* With the claim of a server: none may start meanwhile, and the queue is moved before it is used.
 */
static void run_on_store(struct offline *offline, const struct site *site)
{
    int lock = -1;
    struct arena arena;
    enum status status = site_lock(site, &lock);
    if (status == OK)
        status = queue_place_settle(site->settings);
    note_outcome(offline, status);
    arena_init(&arena);
    if (status == OK)
        run_on_store_in(offline, site->settings,
                        role_directory(role_find(ROLE_STORE), site->settings, &arena).data);
    arena_finish(&arena);
    if (lock >= 0)
        close(lock);
}

static const struct settings *settings_of(void *settings)
{
    return settings;
}

/* Of the parent's verbs only those that need no more than the settings come here. */
static void run_on_file(struct offline *offline, struct settings *settings)
{
    struct admin_parent parent = {.parent = settings, .settings = settings_of};
    note_outcome(offline, admin_run(admin_parent_actions, &parent, offline->words, offline->count,
                                    TEXT(""), &offline->out));
}

static void offline_task(void *argument)
{
    struct offline *offline = argument;
    struct site site;
    struct buffer messages;
    unsigned used;
    const struct admin_verb *verb = admin_verb_find(offline->words, offline->count, &used);
    check(verb != NULL); /* mailroot has found it before */
    buffer_init(&messages, 64 << 10);
    note_outcome(offline, site_load(offline->settings_path, 1, &messages, &site));
    if (offline->status != OK) {
        fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
    } else {
        note_outcome(offline, site_make_directories(&site));
        if (offline->status == OK && verb->role == ROLE_AUTH)
            run_on_directory(offline, site.settings);
        else if (offline->status == OK && verb->role == ROLE_STORE)
            run_on_store(offline, &site);
        else if (offline->status == OK)
            run_on_file(offline, site.settings);
        site_free(&site);
    }
    if (offline->status != OK)
        fprintf(stderr, "mailroot: %s\n", offline->reason);
    buffer_finish(&messages);
}

/* None was needed, or the verb says that it is missing. */
static void read_input(struct buffer *input)
{
    buffer_init(input, ADMIN_INPUT_MAX);
    char *room = buffer_reserve(input, ADMIN_INPUT_MAX);
    ssize_t length;
    while (room != NULL &&
           (length = read(STDIN_FILENO, room, ADMIN_INPUT_MAX - input->length)) > 0) {
        buffer_grew(input, (size_t)length);
        room += length;
    }
}

int offline_run(const char *settings_path, int count, char **words)
{
    struct offline *offline = calloc(1, sizeof(*offline));
    check(offline != NULL);
    offline->settings_path = settings_path;
    for (int i = 0; i < count && i < ADMIN_WORDS_MAX; i++)
        offline->words[offline->count++] = text_from(words[i]);
    read_input(&offline->input);
    buffer_init(&offline->out, ADMIN_OUTPUT_MAX);
    log_setup("offline", LOG_LEVEL_WARNING);
    process_prepare();
    task_loop_run(offline_task, offline);
    fwrite(offline->out.data, 1, offline->out.length, stdout);
    int exit_status = offline->status == OK ? 0 : offline->status == REFUSED ? 1 : 2;
    buffer_finish(&offline->out);
    buffer_forget(&offline->input);
    free(offline);
    return exit_status;
}
