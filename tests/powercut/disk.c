/* A disk that remembers what it was told: one file, `disk`, in a file system of its own (FUSE). A
 * loop device over it carries a real file system; the journal then says what was written, in which
 * order, and what each flush covered, so that a test can make what a power cut might have left.
 *
 *     powercut-disk IMAGE JOURNAL DIRECTORY
 *
 * IMAGE holds the bytes as of now, DIRECTORY is where `disk` appears. "ready" is printed once it is
 * there; SIGTERM ends it.
 *
 * The journal is a row of `struct entry`, a write followed by its bytes. Its length is the clock of
 * the whole test: an entry is in the journal before the disk has answered it. */
#define FUSE_USE_VERSION 34
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DISK_INODE = 2, BATCH_MOST = 32 };
enum entry_kind { ENTRY_WRITE = 1, ENTRY_FLUSH = 2 };

struct entry {
    uint32_t kind;
    uint32_t length; /* of the bytes that follow; 0 for a flush */
    uint64_t where;  /* a write: its offset. A flush: what stands in the journal before this place
                        is on the medium */
};

struct disk {
    int image, journal;
    uint64_t journal_bytes;
    uint64_t answered; /* journal_bytes when this batch of requests was taken: see serve */
};

static struct disk *disk_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

/* 0 or an errno. */
static int note(struct disk *disk, struct entry entry, const char *bytes)
{
    struct iovec pieces[] = {{.iov_base = &entry, .iov_len = sizeof(entry)},
                             {.iov_base = (char *)bytes, .iov_len = entry.length}};
    size_t total = sizeof(entry) + entry.length;
    ssize_t put = writev(disk->journal, pieces, 2);
    if (put < 0)
        return errno;
    if ((size_t)put != total)
        return ENOSPC;
    disk->journal_bytes += total;
    return 0;
}

static struct stat facts_of(const struct disk *disk, fuse_ino_t inode)
{
    struct stat facts = {.st_ino = inode, .st_nlink = 2, .st_mode = S_IFDIR | 0700};
    struct stat image;
    if (inode == DISK_INODE && fstat(disk->image, &image) == 0) {
        facts.st_mode = S_IFREG | 0600;
        facts.st_nlink = 1;
        facts.st_size = image.st_size;
        facts.st_blocks = image.st_size / 512;
    }
    return facts;
}

static void disk_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    if (parent != FUSE_ROOT_ID || strcmp(name, "disk") != 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    struct fuse_entry_param found = {.ino = DISK_INODE,
                                     .attr = facts_of(disk_of(request), DISK_INODE),
                                     .attr_timeout = 3600,
                                     .entry_timeout = 3600};
    fuse_reply_entry(request, &found);
}

static void disk_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    (void)info;
    struct stat facts = facts_of(disk_of(request), inode);
    fuse_reply_attr(request, &facts, 3600);
}

/* The kernel keeps no pages of this file: what the loop device writes comes here before the loop
 * device says that it is written, and in no other order. */
static void disk_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    if (inode != DISK_INODE) {
        fuse_reply_err(request, EISDIR);
        return;
    }
    info->direct_io = 1;
    fuse_reply_open(request, info);
}

static void disk_read(fuse_req_t request, fuse_ino_t inode, size_t length, off_t offset,
                      struct fuse_file_info *info)
{
    (void)inode;
    (void)info;
    char *bytes = malloc(length);
    ssize_t got = bytes == NULL ? -1 : pread(disk_of(request)->image, bytes, length, offset);
    if (got < 0)
        fuse_reply_err(request, errno);
    else
        fuse_reply_buf(request, bytes, (size_t)got);
    free(bytes);
}

static void disk_write(fuse_req_t request, fuse_ino_t inode, const char *bytes, size_t length,
                       off_t offset, struct fuse_file_info *info)
{
    (void)inode;
    (void)info;
    struct disk *disk = disk_of(request);
    struct entry entry = {
        .kind = ENTRY_WRITE, .length = (uint32_t)length, .where = (uint64_t)offset};
    int error = note(disk, entry, bytes);
    if (error == 0 && pwrite(disk->image, bytes, length, offset) != (ssize_t)length)
        error = EIO;
    if (error == 0)
        fuse_reply_write(request, length);
    else
        fuse_reply_err(request, error);
}

/* What the loop device makes of a flush, and of a write that is to go through the cache. */
static void disk_fsync(fuse_req_t request, fuse_ino_t inode, int data_only,
                       struct fuse_file_info *info)
{
    (void)inode;
    (void)data_only;
    (void)info;
    struct disk *disk = disk_of(request);
    struct entry entry = {.kind = ENTRY_FLUSH, .where = disk->answered};
    fuse_reply_err(request, note(disk, entry, NULL));
}

static const struct fuse_lowlevel_ops disk_ops = {
    .lookup = disk_lookup,
    .getattr = disk_getattr,
    .open = disk_open,
    .read = disk_read,
    .write = disk_write,
    .fsync = disk_fsync,
};

/* A flush covers the writes that were answered before it was asked for, and no others: the file
 * system must have waited for them. When a flush and a write are taken in one batch, the flush was
 * asked for while the write had no answer yet; so all requests there are, are taken before one of
 * them is answered. */
static int serve(struct fuse_session *session, struct disk *disk)
{
    struct fuse_buf batch[BATCH_MOST] = {0};
    struct pollfd more = {.fd = fuse_session_fd(session), .events = POLLIN};
    int taken = 0;
    while (!fuse_session_exited(session)) {
        int count = 0;
        while (count < BATCH_MOST && (count == 0 || poll(&more, 1, 0) == 1)) {
            taken = fuse_session_receive_buf(session, &batch[count]);
            if (taken <= 0)
                break;
            count++;
        }
        if (taken <= 0 && taken != -EINTR && taken != -EAGAIN)
            break;
        disk->answered = disk->journal_bytes;
        for (int i = 0; i < count; i++)
            fuse_session_process_buf(session, &batch[i]);
    }
    for (int i = 0; i < BATCH_MOST; i++)
        free(batch[i].mem);
    return taken < 0 && taken != -EINTR ? 1 : 0;
}

static int run(struct disk *disk, const char *program, const char *directory)
{
    char *words[] = {(char *)program};
    struct fuse_args arguments = FUSE_ARGS_INIT(1, words);
    struct fuse_session *session = fuse_session_new(&arguments, &disk_ops, sizeof(disk_ops), disk);
    int status = 1;
    if (session == NULL)
        return status;
    if (fuse_set_signal_handlers(session) == 0 && fuse_session_mount(session, directory) == 0) {
        puts("ready");
        fflush(stdout);
        status = serve(session, disk);
        fuse_session_unmount(session);
    }
    fuse_remove_signal_handlers(session);
    fuse_session_destroy(session);
    fuse_opt_free_args(&arguments);
    return status;
}

int main(int count, char **words)
{
    if (count != 4) {
        fprintf(stderr, "usage: %s IMAGE JOURNAL DIRECTORY\n", words[0]);
        return 2;
    }
    struct disk disk = {
        .image = open(words[1], O_RDWR | O_CLOEXEC),
        .journal = open(words[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)};
    if (disk.image < 0 || disk.journal < 0) {
        perror("powercut-disk");
        return 1;
    }
    return run(&disk, words[0], words[3]);
}
