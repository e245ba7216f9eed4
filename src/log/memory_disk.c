/* Files as arrays of sectors, each with what is durable beside what is read; see memory_disk.h. */
#include "log/memory_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "base/wire.h"

enum { FILES_MAX = 256, NAME_BYTES = 128, SECTOR_BYTES = 512 };

/* What is read now, and what a crash leaves. Names too are durable only once the directory is
 * synced; an empty name is no name. */
struct memory_file {
    bool used;
    char name[NAME_BYTES], durable_name[NAME_BYTES];
    char *bytes, *durable;
    bool *dirty; /* per sector */
    size_t length;
    unsigned open_count;
    bool locked;
};

struct memory_disk {
    struct log_files files;
    pthread_mutex_t lock; /* calls come from several threads */
    struct memory_file all[FILES_MAX];
    uint64_t calls, fail_at;
    int error;
    bool for_ever;
    size_t capacity, in_use;
};

/* Enter a call: false when it is to fail. The lock is held either way. */
static bool enter(struct memory_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    disk->calls++;
    bool fails = disk->fail_at != 0 &&
                 (disk->calls == disk->fail_at || (disk->for_ever && disk->calls > disk->fail_at));
    if (fails)
        errno = disk->error;
    return !fails;
}

static int leave(struct memory_disk *disk, int result)
{
    pthread_mutex_unlock(&disk->lock);
    return result;
}

static int fail(struct memory_disk *disk, int error)
{
    errno = error;
    return leave(disk, -1);
}

static struct memory_file *find(struct memory_disk *disk, const char *name)
{
    for (unsigned i = 0; i < FILES_MAX; i++)
        if (disk->all[i].used && strcmp(disk->all[i].name, name) == 0)
            return &disk->all[i];
    return NULL;
}

static void forget(struct memory_disk *disk, struct memory_file *file)
{
    disk->in_use -= file->length;
    free(file->bytes);
    free(file->durable);
    free(file->dirty);
    *file = (struct memory_file){0};
}

/* A file nothing refers to is gone. */
static void forget_unreferenced(struct memory_disk *disk, struct memory_file *file)
{
    if (file->used && file->open_count == 0 && file->name[0] == '\0' &&
        file->durable_name[0] == '\0')
        forget(disk, file);
}

static bool grow(struct memory_disk *disk, struct memory_file *file, size_t length)
{
    length = (length + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    if (length <= file->length)
        return true;
    if (length - file->length > disk->capacity - disk->in_use)
        return false;
    disk->in_use += length - file->length;
    file->bytes = realloc(file->bytes, length);
    file->durable = realloc(file->durable, length);
    file->dirty = realloc(file->dirty, length / SECTOR_BYTES * sizeof(bool));
    check(file->bytes != NULL && file->durable != NULL && file->dirty != NULL);
    memset(file->bytes + file->length, 0, length - file->length);
    memset(file->durable + file->length, 0, length - file->length);
    memset(file->dirty + file->length / SECTOR_BYTES, 0,
           (length - file->length) / SECTOR_BYTES * sizeof(bool));
    file->length = length;
    return true;
}

static struct memory_file *create(struct memory_disk *disk, const char *name)
{
    for (unsigned i = 0; i < FILES_MAX; i++) {
        struct memory_file *file = &disk->all[i];
        if (file->used)
            continue;
        check(strlen(name) < NAME_BYTES);
        file->used = true;
        strncpy(file->name, name, NAME_BYTES - 1);
        return file;
    }
    return NULL;
}

static int disk_open(void *context, const char *path, int flags)
{
    struct memory_disk *disk = context;
    if (!enter(disk))
        return leave(disk, -1);
    struct memory_file *file = find(disk, path);
    if (file == NULL && (flags & O_CREAT) == 0)
        return fail(disk, ENOENT);
    if (file == NULL)
        file = create(disk, path);
    if (file == NULL)
        return fail(disk, ENOSPC);
    file->open_count++;
    return leave(disk, (int)(file - disk->all));
}

static int disk_close(void *context, int fd)
{
    struct memory_disk *disk = context;
    pthread_mutex_lock(&disk->lock);
    struct memory_file *file = &disk->all[fd];
    check(file->used && file->open_count > 0);
    file->locked = false;
    file->open_count--;
    forget_unreferenced(disk, file);
    return leave(disk, 0);
}

static ssize_t disk_read(void *context, int fd, void *out, size_t length, off_t offset)
{
    struct memory_disk *disk = context;
    if (!enter(disk))
        return leave(disk, -1);
    struct memory_file *file = &disk->all[fd];
    check(file->used && file->open_count > 0);
    size_t at = (size_t)offset;
    size_t there = at < file->length ? file->length - at : 0;
    if (length > there)
        length = there;
    if (length > 0)
        memcpy(out, file->bytes + at, length);
    leave(disk, 0);
    return (ssize_t)length;
}

static ssize_t disk_read_cached(void *context, int fd, void *out, size_t length, off_t offset)
{
    unused(context), unused(fd), unused(out), unused(length), unused(offset);
    errno = EAGAIN;
    return -1;
}

static ssize_t disk_write(void *context, int fd, const void *bytes, size_t length, off_t offset)
{
    struct memory_disk *disk = context;
    bool works = enter(disk);
    int error = errno;
    struct memory_file *file = &disk->all[fd];
    check(file->used && file->open_count > 0);
    size_t put = works ? length : random_below((uint32_t)length + 1);
    if (!grow(disk, file, (size_t)offset + put))
        return fail(disk, ENOSPC);
    if (put > 0) {
        memcpy(file->bytes + offset, bytes, put);
        size_t last = ((size_t)offset + put - 1) / SECTOR_BYTES;
        for (size_t sector = (size_t)offset / SECTOR_BYTES; sector <= last; sector++)
            file->dirty[sector] = true;
    }
    if (!works)
        return fail(disk, error);
    leave(disk, 0);
    return (ssize_t)put;
}

/* Each dirty sector reaches the medium, or with `by_chance` perhaps; none is dirty afterwards. */
static void write_back(struct memory_file *file, bool by_chance)
{
    for (size_t i = 0; i < file->length / SECTOR_BYTES; i++) {
        if (file->dirty[i] && (!by_chance || random_below(2) == 0))
            memcpy(file->durable + i * SECTOR_BYTES, file->bytes + i * SECTOR_BYTES, SECTOR_BYTES);
        file->dirty[i] = false;
    }
}

static int disk_sync(void *context, int fd)
{
    struct memory_disk *disk = context;
    bool works = enter(disk);
    int error = errno;
    struct memory_file *file = &disk->all[fd];
    check(file->used && file->open_count > 0);
    write_back(file, !works);
    return works ? leave(disk, 0) : fail(disk, error);
}

static int disk_allocate(void *context, int fd, off_t length)
{
    struct memory_disk *disk = context;
    if (!enter(disk))
        return leave(disk, -1);
    struct memory_file *file = &disk->all[fd];
    return grow(disk, file, (size_t)length) ? leave(disk, 0) : fail(disk, ENOSPC);
}

static int disk_rename(void *context, const char *from, const char *to)
{
    struct memory_disk *disk = context;
    if (!enter(disk))
        return leave(disk, -1);
    struct memory_file *file = find(disk, from), *replaced = find(disk, to);
    if (file == NULL)
        return fail(disk, ENOENT);
    if (replaced != NULL)
        replaced->name[0] = '\0';
    check(strlen(to) < NAME_BYTES);
    strncpy(file->name, to, NAME_BYTES - 1);
    return leave(disk, 0);
}

static int disk_unlink(void *context, const char *path)
{
    struct memory_disk *disk = context;
    if (!enter(disk))
        return leave(disk, -1);
    struct memory_file *file = find(disk, path);
    if (file == NULL)
        return fail(disk, ENOENT);
    memset(file->name, 0, NAME_BYTES);
    forget_unreferenced(disk, file);
    return leave(disk, 0);
}

static int disk_make_directory(void *context, const char *path)
{
    unused(path);
    struct memory_disk *disk = context;
    return leave(disk, enter(disk) ? 0 : -1);
}

/* The names as they are become durable, or with `by_chance` perhaps all of them. A journal commits
 * names together, so not one without the other. */
static void write_back_names(struct memory_disk *disk, bool by_chance)
{
    if (by_chance && random_below(2) == 0)
        return;
    for (unsigned i = 0; i < FILES_MAX; i++) {
        struct memory_file *file = &disk->all[i];
        memcpy(file->durable_name, file->name, NAME_BYTES);
        forget_unreferenced(disk, file);
    }
}

static int disk_sync_directory(void *context, const char *path)
{
    unused(path);
    struct memory_disk *disk = context;
    bool works = enter(disk);
    int error = errno;
    write_back_names(disk, !works);
    return works ? leave(disk, 0) : fail(disk, error);
}

static int disk_list(void *context, const char *path, log_file_visit *visit, void *visit_context)
{
    struct memory_disk *disk = context;
    if (!enter(disk))
        return leave(disk, -1);
    size_t prefix = strlen(path);
    for (unsigned i = 0; i < FILES_MAX; i++) {
        const char *name = disk->all[i].name;
        if (strncmp(name, path, prefix) == 0 && name[prefix] == '/')
            visit(visit_context, name + prefix + 1);
    }
    return leave(disk, 0);
}

static int disk_lock(void *context, const char *path)
{
    struct memory_disk *disk = context;
    if (!enter(disk))
        return leave(disk, -1);
    struct memory_file *file = find(disk, path);
    if (file == NULL)
        file = create(disk, path);
    check(file != NULL);
    if (file->locked)
        return fail(disk, EWOULDBLOCK);
    file->locked = true;
    file->open_count++;
    return leave(disk, (int)(file - disk->all));
}

struct memory_disk *memory_disk_new(void)
{
    struct memory_disk *disk = calloc(1, sizeof(*disk));
    check(disk != NULL);
    pthread_mutex_init(&disk->lock, NULL);
    disk->capacity = SIZE_MAX;
    disk->files = (struct log_files){
        .context = disk,
        .open = disk_open,
        .close = disk_close,
        .read = disk_read,
        .read_cached = disk_read_cached,
        .write = disk_write,
        .sync = disk_sync,
        .allocate = disk_allocate,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .make_directory = disk_make_directory,
        .sync_directory = disk_sync_directory,
        .list = disk_list,
        .lock = disk_lock,
    };
    return disk;
}

void memory_disk_free(struct memory_disk **disk)
{
    if (*disk == NULL)
        return;
    for (unsigned i = 0; i < FILES_MAX; i++)
        forget(*disk, &(*disk)->all[i]);
    pthread_mutex_destroy(&(*disk)->lock);
    free(*disk);
    *disk = NULL;
}

const struct log_files *memory_disk_files(struct memory_disk *disk)
{
    return &disk->files;
}

void memory_disk_fail(struct memory_disk *disk, uint64_t nth, int error, bool for_ever)
{
    pthread_mutex_lock(&disk->lock);
    disk->calls = 0;
    disk->fail_at = nth;
    disk->error = error;
    disk->for_ever = for_ever;
    pthread_mutex_unlock(&disk->lock);
}

uint64_t memory_disk_calls(const struct memory_disk *disk)
{
    return disk->calls;
}

void memory_disk_set_capacity(struct memory_disk *disk, size_t bytes)
{
    pthread_mutex_lock(&disk->lock);
    disk->capacity = bytes > disk->in_use ? bytes : disk->in_use;
    pthread_mutex_unlock(&disk->lock);
}

void memory_disk_crash(struct memory_disk *disk)
{
    write_back_names(disk, true);
    for (unsigned i = 0; i < FILES_MAX; i++) {
        struct memory_file *file = &disk->all[i];
        if (!file->used)
            continue;
        write_back(file, true);
        if (file->length > 0)
            memcpy(file->bytes, file->durable, file->length);
        memcpy(file->name, file->durable_name, NAME_BYTES);
        file->open_count = 0;
        file->locked = false;
        forget_unreferenced(disk, file);
    }
}

void memory_disk_settle(struct memory_disk *disk)
{
    write_back_names(disk, false);
    for (unsigned i = 0; i < FILES_MAX; i++)
        if (disk->all[i].used)
            write_back(&disk->all[i], false);
}

void memory_disk_abandon(struct memory_disk *disk)
{
    for (unsigned i = 0; i < FILES_MAX; i++) {
        struct memory_file *file = &disk->all[i];
        file->open_count = 0;
        file->locked = false;
        forget_unreferenced(disk, file);
    }
}

void memory_disk_save(const struct memory_disk *disk, struct buffer *out)
{
    for (unsigned i = 0; i < FILES_MAX; i++) {
        const struct memory_file *file = &disk->all[i];
        if (!file->used || file->durable_name[0] == '\0')
            continue;
        wire_put_text(out, text_from(file->durable_name));
        wire_put_text(out, text_of(file->durable, file->length));
    }
}

struct memory_disk *memory_disk_restore(struct text image)
{
    struct memory_disk *disk = memory_disk_new();
    struct wire_reader in = wire_reader_of(image);
    while (!in.bad && in.rest.length > 0) {
        struct text name = wire_get_text(&in), bytes = wire_get_text(&in);
        char path[NAME_BYTES] = "";
        if (in.bad || name.length >= sizeof(path))
            break;
        memcpy(path, name.data, name.length);
        struct memory_file *file = create(disk, path);
        check(file != NULL && grow(disk, file, bytes.length));
        memcpy(file->durable_name, path, NAME_BYTES);
        if (bytes.length > 0) {
            memcpy(file->bytes, bytes.data, bytes.length);
            memcpy(file->durable, bytes.data, bytes.length);
        }
    }
    if (!wire_end(&in))
        memory_disk_free(&disk);
    return disk;
}

char *memory_disk_bytes(struct memory_disk *disk, const char *path, size_t *length)
{
    struct memory_file *file = find(disk, path);
    if (file == NULL)
        return NULL;
    *length = file->length;
    return file->bytes;
}

void memory_disk_rot(struct memory_disk *disk, const char *path, size_t offset)
{
    struct memory_file *file = find(disk, path);
    check(file != NULL && offset < file->length);
    file->bytes[offset] ^= 1;
    file->durable[offset] ^= 1;
}
