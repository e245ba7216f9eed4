#include "pages.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, FILES_MOST = 1000 };

struct file {
    dev_t device;
    ino_t inode;
    int fd; /* ours, for reading and writing */
    off_t durable_size;
};

struct page {
    struct page *next;
    struct file *file;
    off_t at;
    bool is_lost; /* a sync of it failed */
    char before[PAGE];
};

static struct file files[FILES_MOST];
static unsigned file_count;
static struct page *pages;

void *__libc_malloc(size_t bytes);
void __libc_free(void *memory);

/* Of no use to the test any more. */
static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "pages: %s: %m\n", what);
    abort();
}

static struct file *file_of(int fd)
{
    struct stat facts;
    char path[64];
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
        return NULL;
    for (unsigned i = 0; i < file_count; i++)
        if (files[i].device == facts.st_dev && files[i].inode == facts.st_ino)
            return &files[i];
    if (file_count == FILES_MOST)
        give_up("too many files");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct file *file = &files[file_count++];
    *file = (struct file){
        .device = facts.st_dev,
        .inode = facts.st_ino,
        .fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0),
        .durable_size = facts.st_size,
    };
    if (file->fd < 0)
        give_up(path);
    return file;
}

static struct page *page_find(const struct file *file, off_t at)
{
    for (struct page *page = pages; page != NULL; page = page->next)
        if (page->file == file && page->at == at)
            return page;
    return NULL;
}

static void page_remember(struct file *file, off_t at)
{
    struct page *page = page_find(file, at);
    if (page != NULL) {
        page->is_lost = false; /* dirty once more: the next sync writes it */
        return;
    }
    page = __libc_malloc(sizeof(*page));
    if (page == NULL)
        give_up("no memory");
    page->file = file;
    page->at = at;
    page->is_lost = false;
    memset(page->before, 0, PAGE);
    if (pread(file->fd, page->before, PAGE, at) < 0)
        give_up("cannot read what was there before");
    page->next = pages;
    pages = page;
}

void pages_before_write(int fd, size_t length, off_t offset)
{
    struct file *file = file_of(fd);
    struct stat facts;
    if (file == NULL || length == 0)
        return;
    if (offset < 0 && (fcntl(fd, F_GETFL) & O_APPEND) != 0)
        offset = fstat(fd, &facts) == 0 ? facts.st_size : 0;
    else if (offset < 0)
        offset = lseek(fd, 0, SEEK_CUR);
    for (off_t at = offset / PAGE * PAGE; at < offset + (off_t)length; at += PAGE)
        page_remember(file, at);
}

static void pages_remove(const struct file *file, bool lost_too)
{
    for (struct page **link = &pages; *link != NULL;) {
        struct page *page = *link;
        if (page->file != file || (page->is_lost && !lost_too)) {
            link = &page->next;
            continue;
        }
        *link = page->next;
        __libc_free(page);
    }
}

void pages_synced(int fd, bool succeeded)
{
    struct file *file = file_of(fd);
    struct stat facts;
    if (file == NULL)
        return;
    if (succeeded) {
        pages_remove(file, false);
        if (fstat(fd, &facts) == 0)
            file->durable_size = facts.st_size;
        return;
    }
    for (struct page *page = pages; page != NULL; page = page->next)
        if (page->file == file)
            page->is_lost = true;
}

void pages_truncated(int fd)
{
    struct file *file = file_of(fd);
    if (file == NULL)
        return;
    pages_remove(file, true);
    file->durable_size = 0;
}

void pages_forget_unsynced(void)
{
    for (const struct page *page = pages; page != NULL; page = page->next)
        if (syscall(SYS_pwrite64, page->file->fd, page->before, PAGE, page->at) != PAGE)
            give_up("cannot write what was there before");
    for (unsigned i = 0; i < file_count; i++)
        if (syscall(SYS_ftruncate, files[i].fd, files[i].durable_size) != 0)
            give_up("cannot cut off what was not synced");
}
