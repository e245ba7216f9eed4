/* The note is the one place where a move happens: until it names the new directory nothing there
 * counts, and from then on nothing in the old one does. So a move can end at any point:
 *
 *     note "at OLD, to NEW"
 *     copy OLD/store to NEW/store.arriving      what is there then is begun anew, or thrown away
 *     note "at NEW, from OLD"                   now it is moved
 *     rename that to NEW/store, remove OLD/store, and note "at NEW"      the next start goes on
 * here
 */
#include "main/queue_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/logline.h"
#include "folder/file.h"
#include "folder/tree.h"
#include "store/sync_point.h"

#define ARRIVING "store.arriving"
#define NOTE "queue-place"

enum { NOTE_BYTES_MAX = 16 << 10 };

/* The note, as it is on the disk. Directories that have, or had, the store in them; with a NUL
 * behind. */
struct note {
    struct arena *arena;
    struct text data; /* the directory that it is in */
    struct text at;
    struct text from; /* "" but while a move is being finished */
    struct text to;   /* "" but while one has begun */
};

static const char *path_in(const struct note *note, struct text directory, const char *name)
{
    return arena_printf(note->arena, "%.*s/%s", TEXT_ARG(directory), name).data;
}

static bool take_line(const struct note *note, struct text *rest, const char *word,
                      struct text *out)
{
    struct text line, name = text_from(word);
    if (!text_starts_with(*rest, name) || !text_split(rest, '\n', &line))
        return false;
    *out = arena_copy(note->arena, text_from_position(line, name.length));
    return text_starts_with(*out, TEXT("/"));
}

static enum status parse_note(struct note *note, const char *path, struct text bytes)
{
    bool good = take_line(note, &bytes, "at ", &note->at) &&
                (text_is_empty(bytes) || take_line(note, &bytes, "from ", &note->from) ||
                 take_line(note, &bytes, "to ", &note->to));
    return good && text_is_empty(bytes)
               ? OK
               : refused("%s does not say where the queue is; it has the lines: at DIRECTORY, and "
                         "from or to DIRECTORY when it was being moved",
                         path);
}

/* Without one the store is in the data directory. */
static enum status read_note(struct note *note)
{
    const char *path = path_in(note, note->data, NOTE);
    note->at = note->data;
    note->from = note->to = TEXT("");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? OK : try_later("cannot read %s: %m", path);
    char *bytes = arena_alloc(note->arena, NOTE_BYTES_MAX);
    ssize_t length = read(fd, bytes, NOTE_BYTES_MAX);
    close(fd);
    return length < 0 ? try_later("cannot read %s: %m", path)
                      : parse_note(note, path, text_of(bytes, (size_t)length));
}

static enum status forget_note(const struct note *note)
{
    int directory = folder_tree_open(note->data.data);
    enum status status = directory < 0 ? try_later("cannot open %s: %m", note->data.data)
                                       : folder_tree_remove(directory, NOTE);
    if (directory >= 0)
        close(directory);
    return status;
}

/* In the data directory it needs none, so that this can be given another name as a whole. */
static enum status write_note(const struct note *note)
{
    bool is_moving = note->from.length + note->to.length > 0;
    if (!is_moving && text_equals(note->at, note->data))
        return forget_note(note);
    struct text other = !is_moving ? TEXT("")
                        : text_is_empty(note->to)
                            ? arena_printf(note->arena, "from %.*s\n", TEXT_ARG(note->from))
                            : arena_printf(note->arena, "to %.*s\n", TEXT_ARG(note->to));
    struct text bytes =
        arena_printf(note->arena, "at %.*s\n%.*s", TEXT_ARG(note->at), TEXT_ARG(other));
    struct folder_file file;
    enum status status = folder_file_begin(&file, note->data.data, 0600);
    if (status == OK)
        status = folder_file_write(&file, bytes);
    if (status == OK)
        status = folder_file_commit(&file, NOTE);
    folder_file_abandon(&file);
    return status;
}

/* Nobody else has it open: an order that needs no server, say. */
static enum status claim_log(int store, int *fd)
{
    *fd = openat(store, "log/log.lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return errno == ENOENT ? OK : try_later("cannot open the queue's lock: %m");
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    close(*fd);
    *fd = -1;
    return try_later("the queue is in use by another process");
}

/* What has come is renamed into place. It may be there already. */
static enum status arrive(const struct note *note)
{
    int to = folder_tree_open(note->at.data);
    enum status status = OK;
    if (to < 0)
        return try_later("cannot open %s: %m", note->at.data);
    if (renameat(to, ARRIVING, to, "store") != 0 && errno != ENOENT)
        status = try_later("cannot rename %s/" ARRIVING ": %m", note->at.data);
    else if (fsync(to) != 0 || faccessat(to, "store", F_OK, 0) != 0)
        status = try_later("%s/store is not there: %m", note->at.data);
    close(to);
    sync_point("queue-renamed");
    return status;
}

/* What was left is removed. A file system that is not there any more has none. */
static enum status leave(const struct note *note)
{
    int from = folder_tree_open(note->from.data);
    if (from < 0)
        return OK;
    enum status status = folder_tree_remove(from, "store");
    close(from);
    sync_point("queue-removed");
    return status;
}

static enum status finish_move(struct note *note)
{
    enum status status = arrive(note);
    if (status == OK)
        status = leave(note);
    if (status != OK)
        return status;
    log_info("queue.moved", "from=%s to=%s", log_text(note->from), log_text(note->at));
    note->from = TEXT("");
    return write_note(note);
}

/* Nothing is overwritten: an empty directory may be there, as a package makes one. */
static enum status copy_store(int from, int to)
{
    int lock = -1;
    enum status status = claim_log(from, &lock);
    if (status == OK && unlinkat(to, "store", AT_REMOVEDIR) != 0 && errno != ENOENT)
        status = refused("there is a store already: %m");
    sync_point("queue-copying");
    if (status == OK)
        status = folder_tree_remove(to, ARRIVING);
    if (status == OK)
        status = folder_tree_copy(from, to, ARRIVING);
    if (lock >= 0)
        close(lock);
    sync_point("queue-copied");
    return status;
}

/* Some directory above `below`, or that itself, is `above`: by what they are, whatever their names.
 * The root is its own parent. */
static bool is_within(int below, int above)
{
    struct stat wanted, here, parent;
    bool found = false, at_root = false;
    int at = openat(below, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fstat(above, &wanted) != 0)
        at_root = true;
    while (at >= 0 && !found && !at_root && fstat(at, &here) == 0) {
        int up = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        found = here.st_dev == wanted.st_dev && here.st_ino == wanted.st_ino;
        at_root = up < 0 || fstat(up, &parent) != 0 ||
                  (parent.st_dev == here.st_dev && parent.st_ino == here.st_ino);
        close(at);
        at = up;
    }
    if (at >= 0)
        close(at);
    return found;
}

/* Made when it is not there. */
static enum status make_store(const struct note *note)
{
    return site_make_role_directory(role_find(ROLE_STORE), path_in(note, note->at, "store"));
}

/* What was copied there counts no more: the settings want it elsewhere by now. */
static enum status take_back(struct note *note)
{
    int to = folder_tree_open(note->to.data);
    enum status status = to < 0 ? OK : folder_tree_remove(to, ARRIVING);
    if (to >= 0)
        close(to);
    note->to = TEXT("");
    return status == OK ? write_note(note) : status;
}

static enum status copy_to(const struct note *note, struct text wanted)
{
    int from = folder_tree_open(path_in(note, note->at, "store"));
    if (from < 0)
        return try_later("cannot open its directory: %m");
    int to = folder_tree_open(wanted.data);
    enum status status = to < 0                ? try_later("cannot open the new directory: %m")
                         : is_within(to, from) ? refused("it would be in its own directory")
                                               : copy_store(from, to);
    close(from);
    if (to >= 0)
        close(to);
    return status;
}

/* Two names of one directory: nothing moves. */
static bool is_same(struct text a, struct text b)
{
    struct stat one, other;
    return stat(a.data, &one) == 0 && stat(b.data, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static enum status begin_move(struct note *note, struct text wanted)
{
    enum status status = make_store(note);
    if (status == OK)
        status = site_make_directory(wanted.data, 0755);
    bool is_there = status == OK && is_same(note->at, wanted);
    if (status == OK && !is_there) {
        log_info("queue.moving", "from=%s to=%s", log_text(note->at), log_text(wanted));
        log_write_gathered(); /* it may take long */
        note->to = wanted;
        status = write_note(note);
        if (status == OK)
            status = copy_to(note, wanted);
    }
    if (status != OK)
        return fail_within(status, "the queue cannot be moved from %s to %s", note->at.data,
                           wanted.data);
    note->from = is_there ? TEXT("") : note->at;
    note->to = TEXT("");
    note->at = wanted;
    status = write_note(note);
    sync_point("queue-noted");
    return status;
}

static enum status settle(struct note *note, struct text wanted)
{
    enum status status = read_note(note);
    if (status == OK && !text_is_empty(note->from))
        status = finish_move(note);
    if (status == OK && !text_is_empty(note->to) && !text_equals(note->to, wanted))
        status = take_back(note);
    if (status != OK)
        return status;
    if (text_equals(note->at, wanted))
        return make_store(note);
    status = begin_move(note, wanted);
    return status == OK && !text_is_empty(note->from) ? finish_move(note) : status;
}

enum status queue_place_settle(const struct settings *settings)
{
    struct arena arena;
    arena_init(&arena);
    struct note note = {.arena = &arena, .data = arena_copy(&arena, settings->data_directory)};
    enum status status = settle(&note, arena_copy(&arena, settings->queue_directory));
    arena_finish(&arena);
    return status;
}
