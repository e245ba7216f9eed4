/* The watch over the pickup folders: inotify tells of files moved into place, which are taken at
 * once; a look at the whole folder, now and then and after other news, finds the rest. Names that
 * begin with a dot are left alone: so are files called that are still being written. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "folder/file.h"
#include "proc/folders.h"
#include "queue/files/pickup_file.h"
#include "store/value.h"
#include "task/io.h"
#include "task/offload.h"

enum {
    LOOK_MS = 30 * SECOND,
    AGAIN_MS = 5 * SECOND,      /* after what could not be taken in */
    STALE_MS = DAY + 12 * HOUR, /* of a file that nobody ends to write */
};

struct pickup {
    struct queue *queue;
    struct list folders;
    struct task_io io; /* of inotify */
    int inotify;       /* -1: the kernel has none to give */
    uint64_t settings_version;
    int64_t look_at_ms; /* monotonic: at all folders */
};

/* ---- the folders ---- */

static void close_folder(struct pickup *pickup, struct pickup_folder *folder)
{
    if (folder->watch >= 0)
        inotify_rm_watch(pickup->inotify, folder->watch);
    if (folder->directory >= 0)
        close(folder->directory);
    list_remove(&folder->link);
    buffer_finish(&folder->settled);
    free((char *)folder->server.data);
    free(folder->path);
    free(folder);
}

static void close_folders(struct pickup *pickup)
{
    while (!list_is_empty(&pickup->folders))
        close_folder(pickup, list_entry(pickup->folders.next, struct pickup_folder, link));
}

static void add_folder(struct pickup *pickup, const struct folder_place *place)
{
    struct pickup_folder *folder = calloc(1, sizeof(*folder));
    check(folder != NULL);
    *folder =
        (struct pickup_folder){.path = text_to_string(place->path),
                               .server = {text_to_string(place->server), place->server.length},
                               .directory = -1,
                               .watch = -1};
    buffer_init(&folder->settled, PICKUP_SETTLED_MAX);
    list_append(&pickup->folders, &folder->link);
}

static void follow_settings(struct pickup *pickup)
{
    const struct settings *settings = pickup->queue->settings;
    struct arena arena;
    struct folder_place *places;
    if (pickup->settings_version == settings->version)
        return;
    pickup->settings_version = settings->version;
    close_folders(pickup);
    arena_init(&arena);
    unsigned count = folders_list(settings, &arena, &places);
    for (unsigned i = 0; i < count; i++)
        if (places[i].kind == FOLDER_PICKUP_PUBLIC || places[i].kind == FOLDER_PICKUP)
            add_folder(pickup, &places[i]);
    arena_finish(&arena);
}

static bool open_folder(struct pickup *pickup, struct pickup_folder *folder)
{
    struct stat about;
    if (folder->directory >= 0 && fstat(folder->directory, &about) == 0 && about.st_nlink > 0)
        return true;
    if (folder->directory >= 0) /* somebody removed it, and may have made another */
        close(folder->directory);
    folder->directory = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->directory < 0) {
        if (!folder->has_failed)
            log_warning("pickup.folder", "folder=%s reason=\"%m\"",
                        log_text(text_from(folder->path)));
        folder->has_failed = true;
        return false;
    }
    if (pickup->inotify >= 0)
        folder->watch = inotify_add_watch(pickup->inotify, folder->path,
                                          IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE);
    return true;
}

/* ---- remembering what was taken in ---- */

static void sync_directory(void *argument)
{
    fsync(*(const int *)argument);
}

static enum status forget(struct pickup *pickup, struct pickup_folder *folder,
                          struct text identities)
{
    struct wire_reader in = wire_reader_of(identities);
    struct change change;
    change_init(&change);
    while (in.rest.length > 0 && !in.bad)
        value_compose(&change, text_from(folder->path), wire_get_text(&in), TEXT(""));
    enum status status = store_commit(pickup->queue->store, &change);
    change_finish(&change);
    return status;
}

/* What is gone for good needs no remembering. */
static void settle(struct pickup *pickup, struct pickup_folder *folder)
{
    if (folder->settled.length == 0)
        return;
    task_offload(sync_directory, &folder->directory);
    if (forget(pickup, folder, buffer_text(&folder->settled)) == OK)
        buffer_reset(&folder->settled, PICKUP_SETTLED_MAX);
}

struct sweep {
    struct map *present;
    struct buffer *gone;
};

static bool sweep_one(void *context, struct text name, struct text value)
{
    struct sweep *sweep = context;
    unused(value);
    if (map_get(sweep->present, name) == NULL)
        wire_put_text(sweep->gone, name);
    return !sweep->gone->overflowed;
}

/* From its beginning; NULL while there is no descriptor to be had. */
static DIR *folder_entries(const struct pickup_folder *folder)
{
    int fd = fcntl(folder->directory, F_DUPFD_CLOEXEC, 0);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (entries != NULL)
        rewinddir(entries);
    else if (fd >= 0)
        close(fd);
    return entries;
}

/* What a run before us remembered, and the file is gone. */
static void sweep_folder(struct pickup *pickup, struct pickup_folder *folder)
{
    DIR *entries = folder_entries(folder);
    if (entries == NULL)
        return;
    struct arena arena;
    struct sweep sweep = {map_new(), &folder->settled};
    arena_init(&arena);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct stat about;
        char identity[PICKUP_IDENTITY_BYTES];
        if (fstatat(folder->directory, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0)
            map_put(sweep.present, arena_copy(&arena, text_from(pickup_identity(&about, identity))),
                    folder);
    }
    closedir(entries);
    value_each(pickup->queue->store, text_from(folder->path), TEXT("pickup/"), sweep_one, &sweep);
    map_free(&sweep.present);
    arena_finish(&arena);
    settle(pickup, folder);
    folder->is_swept = true;
}

/* ---- looking ---- */

static void remove_stale(const struct pickup_folder *folder, const char *name)
{
    struct stat about;
    if (text_ends_with_nocase(text_from(name), TEXT(".tmp")) &&
        fstatat(folder->directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(about.st_mode) &&
        clock_wall_ms() - (int64_t)about.st_mtim.tv_sec * SECOND > STALE_MS)
        unlinkat(folder->directory, name, 0);
}

static void look_again_in(struct pickup *pickup, int64_t wait_ms)
{
    int64_t at = clock_monotonic_ms() + wait_ms;
    if (at < pickup->look_at_ms)
        pickup->look_at_ms = at;
}

static void take(struct pickup *pickup, struct pickup_folder *folder, const char *name, bool moved)
{
    switch (pickup_take(pickup->queue, folder, name, moved)) {
    case PICKUP_GONE:
        folder->has_failed = false;
        return;
    case PICKUP_YOUNG:
        look_again_in(pickup, PICKUP_SETTLE_MS);
        return;
    case PICKUP_LATER:
        if (!folder->has_failed)
            log_warning("pickup.put_off", "file=%s folder=%s reason=%s", log_text(text_from(name)),
                        log_text(text_from(folder->path)), log_text(text_from(fail_reason())));
        folder->has_failed = true;
        look_again_in(pickup, AGAIN_MS);
    }
}

static void look_at(struct pickup *pickup, struct pickup_folder *folder)
{
    if (!open_folder(pickup, folder))
        return;
    DIR *entries = folder_entries(folder);
    if (entries == NULL)
        return;
    for (struct dirent *entry; !task_is_cancelled() && (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.')
            remove_stale(folder, entry->d_name);
        else
            take(pickup, folder, entry->d_name, false);
    }
    closedir(entries);
    settle(pickup, folder);
    if (!folder->is_swept)
        sweep_folder(pickup, folder);
}

static void on_event(struct pickup *pickup, const struct inotify_event *event)
{
    bool is_named = event->len > 0;
    if (is_named && event->name[0] == '.')
        return;
    if (!is_named || (event->mask & IN_MOVED_TO) == 0) {
        look_again_in(pickup, 0);
        return;
    }
    list_each(link, &pickup->folders)
    {
        struct pickup_folder *folder = list_entry(link, struct pickup_folder, link);
        if (folder->watch != event->wd)
            continue;
        take(pickup, folder, event->name, true);
        settle(pickup, folder);
        return;
    }
}

/* False: there are none, and nothing has yielded since that was so. */
static bool read_events(struct pickup *pickup)
{
    union {
        struct inotify_event first;
        char bytes[2048];
    } events;
    ssize_t length = pickup->inotify < 0 ? 0 : read(pickup->inotify, &events, sizeof(events));
    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const void *)(events.bytes + at);
        at += (ssize_t)(sizeof(*event) + event->len);
        on_event(pickup, event);
    }
    return length > 0;
}

static void wait_for_news(struct pickup *pickup)
{
    if (pickup->inotify >= 0)
        task_io_wait(&pickup->io, TASK_READ, pickup->look_at_ms);
    else
        task_sleep_until(pickup->look_at_ms);
}

void pickup_run(void *argument)
{
    struct pickup pickup = {.queue = argument, .inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    list_init(&pickup.folders);
    if (pickup.inotify >= 0 && task_io_open(&pickup.io, pickup.inotify) != OK) {
        close(pickup.inotify);
        pickup.inotify = -1;
    }
    while (!task_is_cancelled()) {
        follow_settings(&pickup);
        if (clock_monotonic_ms() >= pickup.look_at_ms) {
            pickup.look_at_ms = clock_monotonic_ms() + LOOK_MS;
            list_each(link, &pickup.folders)
                look_at(&pickup, list_entry(link, struct pickup_folder, link));
        }
        if (!read_events(&pickup))
            wait_for_news(&pickup);
    }
    close_folders(&pickup);
    if (pickup.inotify >= 0) {
        task_io_close(&pickup.io);
        close(pickup.inotify);
    }
}
