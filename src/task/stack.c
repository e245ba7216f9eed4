#include "task/stack.h"

#include <stdint.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/memory.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13: a guard without a second mapping */
#endif

#if defined(MAILROOT_ASAN) || defined(MAILROOT_TSAN)
enum { STACK_BYTES = 256 * 1024 };
#else
enum { STACK_BYTES = 64 * 1024 };
#endif
enum { PAGE_BYTES = 4096, TOUCHED_BYTES = 16 * 1024 /* of a stack, as a rule */ };

static struct stack stack_map(void)
{
    char *whole = mmap(NULL, STACK_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    check(whole != MAP_FAILED);
    if (madvise(whole, PAGE_BYTES, MADV_GUARD_INSTALL) != 0)
        check(mprotect(whole, PAGE_BYTES, PROT_NONE) == 0);
    memory_draw(TOUCHED_BYTES);
    struct stack stack = {.base = whole + PAGE_BYTES, .size = STACK_BYTES};
    stack.valgrind_id =
        (unsigned)VALGRIND_STACK_REGISTER(stack.base, (char *)stack.base + stack.size);
    return stack;
}

static void stack_unmap(struct stack stack)
{
    VALGRIND_STACK_DEREGISTER(stack.valgrind_id);
    memory_give_back(TOUCHED_BYTES);
    munmap((char *)stack.base - PAGE_BYTES, stack.size + PAGE_BYTES);
}

struct stack stack_take(struct stack_pool *pool)
{
    return pool->count > 0 ? pool->kept[--pool->count] : stack_map();
}

void stack_give(struct stack_pool *pool, struct stack stack)
{
    if (pool->count == STACKS_KEPT) {
        stack_unmap(stack);
        return;
    }
    pool->kept[pool->count++] = stack;
}

void stack_pool_finish(struct stack_pool *pool)
{
    while (pool->count > 0)
        stack_unmap(pool->kept[--pool->count]);
}

void stack_trim(struct stack stack)
{
    /* Below this frame is what the system call needs, and nothing else that is alive. */
    enum { MARGIN_BYTES = 512 };
    uintptr_t base = (uintptr_t)stack.base;
    uintptr_t alive = (uintptr_t)__builtin_frame_address(0) - MARGIN_BYTES;
    uintptr_t page = alive & ~(uintptr_t)(PAGE_BYTES - 1);
    if (page > base)
        madvise(stack.base, page - base, MADV_DONTNEED);
}
