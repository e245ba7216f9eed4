#include "holdings.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unbound.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "task/loop.h"

enum {
    DESCRIPTORS_MOST = 1 << 16,
    FIRST_PLACES = 1 << 12,
    MAPPINGS_MOST = 64,
    RESOLVERS_MOST = 64
};

struct block {
    void *start; /* NULL: an empty place */
    unsigned process;
};

struct mapping {
    void *start;
    size_t length;
    unsigned process; /* 0: an unused place */
};

/* A library's, with sockets and memory of its own. */
struct resolver {
    struct ub_ctx *context;
    unsigned process; /* 0: an unused place */
};

/* Of the one thread there is. */
static struct {
    struct block *blocks; /* hashed, places of them, a power of two */
    size_t places, count;
    struct mapping mappings[MAPPINGS_MOST];
    struct resolver resolvers[RESOLVERS_MOST];
    uint8_t descriptors[DESCRIPTORS_MOST];
    size_t drawn[PROCESSES_MOST];
    unsigned in_kernel, job;
} held;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
char *__real_strdup(const char *string);
void __real_free(void *block);
void *__real_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *start, size_t length);
int __real_open(const char *path, int flags, ...);
int __real_openat(int directory, const char *path, int flags, ...);
int __real_dup(int fd);
int __real_fcntl(int fd, int command, ...);
int __real_socket(int domain, int type, int protocol);
int __real_socketpair(int domain, int type, int protocol, int ends[2]);
int __real_accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags);
int __real_memfd_create(const char *name, unsigned flags);
int __real_inotify_init1(int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
int __real_close(int fd);
struct ub_ctx *__real_ub_ctx_create(void);
void __real_ub_ctx_delete(struct ub_ctx *resolver);
void __real_memory_draw(size_t bytes);
void __real_memory_give_back(size_t bytes);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__wrap_strdup(const char *string);
void __wrap_free(void *block);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *start, size_t length);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __wrap_dup(int fd);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socketpair(int domain, int type, int protocol, int ends[2]);
int __wrap_accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_inotify_init1(int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_close(int fd);
struct ub_ctx *__wrap_ub_ctx_create(void);
void __wrap_ub_ctx_delete(struct ub_ctx *resolver);
void __wrap_memory_draw(size_t bytes);
void __wrap_memory_give_back(size_t bytes);

void holdings_kernel_begin(void)
{
    held.in_kernel++;
}

void holdings_kernel_end(void)
{
    check(held.in_kernel > 0);
    held.in_kernel--;
}

void holdings_job_of(unsigned process)
{
    held.job = process;
}

unsigned holdings_taker(void)
{
    if (held.in_kernel > 0)
        return 0;
    return held.job != 0 ? held.job : task_process();
}

/* ---- The heap ---- */

static size_t place_of(const void *start)
{
    return (size_t)((uintptr_t)start >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20 & (held.places - 1);
}

/* Where it is, or the empty place where it would be. */
static struct block *seek(const void *start)
{
    size_t place = place_of(start);
    while (held.blocks[place].start != NULL && held.blocks[place].start != start)
        place = (place + 1) & (held.places - 1);
    return &held.blocks[place];
}

static void grow(void)
{
    struct block *old = held.blocks;
    size_t places = held.places;
    held.places = places == 0 ? FIRST_PLACES : places * 2;
    held.blocks = __real_calloc(held.places, sizeof(*held.blocks));
    check(held.blocks != NULL);
    for (size_t i = 0; i < places; i++)
        if (old[i].start != NULL)
            *seek(old[i].start) = old[i];
    __real_free(old);
}

static void *note(void *start, unsigned process)
{
    if (start == NULL || process == 0)
        return start;
    check(held.places == 0 || seek(start)->start == NULL); /* it was not freed by a library */
    if (held.count * 2 >= held.places)
        grow();
    *seek(start) = (struct block){start, process};
    held.count++;
    return start;
}

/* Whose it was; 0: nobody's. What stands behind it moves up, as the hash has it. */
static unsigned forget(const void *start)
{
    if (start == NULL || held.places == 0)
        return 0;
    struct block *hole = seek(start);
    unsigned process = hole->process;
    if (hole->start == NULL)
        return 0;
    *hole = (struct block){0};
    held.count--;
    for (size_t place = ((size_t)(hole - held.blocks) + 1) & (held.places - 1);
         held.blocks[place].start != NULL; place = (place + 1) & (held.places - 1)) {
        struct block moved = held.blocks[place];
        held.blocks[place] = (struct block){0};
        *seek(moved.start) = moved;
    }
    return process;
}

void *__wrap_malloc(size_t size)
{
    return note(__real_malloc(size), holdings_taker());
}

void *__wrap_calloc(size_t count, size_t size)
{
    return note(__real_calloc(count, size), holdings_taker());
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    unsigned process = block == NULL ? holdings_taker() : forget(block);
    return note(__real_reallocarray(block, count, size), process);
}

void *__wrap_realloc(void *block, size_t size)
{
    return __wrap_reallocarray(block, 1, size);
}

char *__wrap_strdup(const char *string)
{
    return note(__real_strdup(string), holdings_taker());
}

void __wrap_free(void *block)
{
    forget(block);
    __real_free(block);
}

void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    void *start = __real_mmap(at, length, protection, flags, fd, offset);
    unsigned process = holdings_taker(), place = 0;
    if (start == MAP_FAILED || process == 0)
        return start;
    while (held.mappings[place].process != 0)
        check(++place < MAPPINGS_MOST);
    held.mappings[place] = (struct mapping){start, length, process};
    return start;
}

int __wrap_munmap(void *start, size_t length)
{
    for (unsigned i = 0; i < MAPPINGS_MOST; i++)
        if (held.mappings[i].start == start)
            held.mappings[i] = (struct mapping){0};
    return __real_munmap(start, length);
}

/* ---- Descriptors ---- */

static int note_descriptor(int fd)
{
    check(fd < DESCRIPTORS_MOST);
    if (fd >= 0)
        held.descriptors[fd] = (uint8_t)holdings_taker();
    return fd;
}

void holdings_hand_over(int fd, unsigned process)
{
    held.descriptors[fd] = (uint8_t)process;
}

static mode_t mode_of(va_list arguments, int flags)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(arguments, flags);
    va_end(arguments);
    return note_descriptor(__real_open(path, flags, mode));
}

int __wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(arguments, flags);
    va_end(arguments);
    return note_descriptor(__real_openat(directory, path, flags, mode));
}

int __wrap_dup(int fd)
{
    return note_descriptor(__real_dup(fd));
}

/* All commands that are used have a number, or nothing, behind them. */
int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    int result = __real_fcntl(fd, command, argument);
    return command == F_DUPFD_CLOEXEC ? note_descriptor(result) : result;
}

int __wrap_socket(int domain, int type, int protocol)
{
    return note_descriptor(__real_socket(domain, type, protocol));
}

int __wrap_socketpair(int domain, int type, int protocol, int ends[2])
{
    int result = __real_socketpair(domain, type, protocol, ends);
    for (unsigned i = 0; result == 0 && i < 2; i++)
        note_descriptor(ends[i]);
    return result;
}

int __wrap_accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags)
{
    return note_descriptor(__real_accept4(fd, address, length, flags));
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
    return note_descriptor(__real_memfd_create(name, flags));
}

int __wrap_inotify_init1(int flags)
{
    return note_descriptor(__real_inotify_init1(flags));
}

/* Descriptors come with messages too. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t count = __real_recvmsg(fd, message, flags);
    if (count < 0)
        return count;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head))
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
            for (size_t at = CMSG_LEN(0); at + sizeof(int) <= head->cmsg_len; at += sizeof(int)) {
                int given;
                memcpy(&given, (char *)head + at, sizeof(given));
                note_descriptor(given);
            }
    return count;
}

int __wrap_close(int fd)
{
    if (fd >= 0)
        held.descriptors[fd] = 0;
    return __real_close(fd);
}

/* ---- Resolvers ---- */

struct ub_ctx *__wrap_ub_ctx_create(void)
{
    struct ub_ctx *context = __real_ub_ctx_create();
    unsigned process = holdings_taker(), place = 0;
    if (context == NULL || process == 0)
        return context;
    while (held.resolvers[place].process != 0)
        check(++place < RESOLVERS_MOST);
    held.resolvers[place] = (struct resolver){context, process};
    return context;
}

void __wrap_ub_ctx_delete(struct ub_ctx *resolver)
{
    for (unsigned i = 0; i < RESOLVERS_MOST; i++)
        if (held.resolvers[i].context == resolver)
            held.resolvers[i] = (struct resolver){0};
    __real_ub_ctx_delete(resolver);
}

/* ---- The memory account ---- */

void __wrap_memory_draw(size_t bytes)
{
    held.drawn[holdings_taker()] += bytes;
    __real_memory_draw(bytes);
}

/* Also below zero, when another drew it. */
void __wrap_memory_give_back(size_t bytes)
{
    held.drawn[holdings_taker()] -= bytes;
    __real_memory_give_back(bytes);
}

/* ---- All of it ---- */

struct holdings holdings_of(unsigned process)
{
    struct holdings sum = {0};
    for (size_t i = 0; i < held.places; i++)
        if (held.blocks[i].start != NULL && held.blocks[i].process == process) {
            sum.blocks++;
            sum.bytes += malloc_usable_size(held.blocks[i].start);
        }
    for (unsigned fd = 0; fd < DESCRIPTORS_MOST; fd++)
        sum.descriptors += held.descriptors[fd] == process;
    return sum;
}

static void free_blocks(unsigned process)
{
    for (size_t i = 0; i < held.places;)
        if (held.blocks[i].start != NULL && held.blocks[i].process == process)
            __wrap_free(held.blocks[i].start); /* another may stand in its place then */
        else
            i++;
}

/* The same file may be open elsewhere, and then the kernel goes on to watch it for who is gone. */
static void close_descriptors(unsigned process)
{
    for (int fd = 0; fd < DESCRIPTORS_MOST; fd++)
        if (held.descriptors[fd] == process) {
            epoll_ctl(task_loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
            __wrap_close(fd);
        }
}

void holdings_give_up(unsigned process)
{
    check(process > 0 && process < PROCESSES_MOST);
    for (unsigned i = 0; i < RESOLVERS_MOST; i++)
        if (held.resolvers[i].process == process)
            __wrap_ub_ctx_delete(held.resolvers[i].context);
    close_descriptors(process);
    free_blocks(process);
    for (unsigned i = 0; i < MAPPINGS_MOST; i++)
        if (held.mappings[i].process == process)
            __wrap_munmap(held.mappings[i].start, held.mappings[i].length);
    __real_memory_give_back(held.drawn[process]);
    held.drawn[process] = 0;
}
