/* The account of what the process holds. What the kernel says of this process is a few megabytes,
 * so limits here are of another size. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "test.h"

enum { LIMIT = 400 << 20 };

static int64_t now_ms = 1000000;

/* The kernel is asked again. */
static void pass_time(void)
{
    enum { LONG_MS = 10000 };
    now_ms += LONG_MS;
    clock_set_for_test(&now_ms);
}

TEST("without a limit everything may be begun")
{
    memory_limit(0);
    for (enum memory_for what = 0; what < MEMORY_ASKS; what++)
        EXPECT(memory_ask(what, SIZE_MAX) == OK);
    EXPECT(memory_part(1000, 16) == 1000);
}

TEST("the nearer the limit, the more has to wait, and new sessions first")
{
    static const unsigned hundredths[MEMORY_ASKS] = {73, 78, 82, 87, 95};
    memory_limit(LIMIT);
    pass_time();
    for (unsigned step = 0; step <= MEMORY_ASKS; step++) {
        size_t held = memory_now().held;
        size_t wanted = step == 0 ? 0 : LIMIT / 100 * hundredths[step - 1];
        size_t more = wanted > held ? wanted - held : 0;
        memory_draw(more);
        for (enum memory_for what = 0; what < MEMORY_ASKS; what++)
            EXPECT((memory_ask(what, 0) == OK) == (what >= step));
        memory_give_back(more);
    }
}

TEST("what is known to be needed counts before it is drawn")
{
    memory_limit(LIMIT);
    pass_time();
    EXPECT(memory_ask(MEMORY_FOR_COMMAND, LIMIT / 2) == OK);
    uint64_t refused = memory_now().refused[MEMORY_FOR_COMMAND];
    EXPECT(memory_ask(MEMORY_FOR_COMMAND, LIMIT) == TRY_LATER);
    EXPECT(memory_ask(MEMORY_FOR_COMMAND, SIZE_MAX) == TRY_LATER);
    EXPECT(memory_now().refused[MEMORY_FOR_COMMAND] == refused + 2);
}

#ifndef MAILROOT_ASAN
TEST("what was allocated without drawing is found by the kernel's figure, and gone when it is free")
{
    enum { BYTES = 380 << 20 };
    memory_limit(LIMIT);
    pass_time();
    EXPECT(memory_ask(MEMORY_FOR_SESSION, 0) == OK);
    char *bytes = malloc(BYTES);
    check(bytes != NULL);
    explicit_bzero(bytes, BYTES);
    pass_time();
    EXPECT(memory_ask(MEMORY_FOR_REST, 0) == TRY_LATER);
    free(bytes);
    pass_time();
    EXPECT(memory_ask(MEMORY_FOR_SESSION, 0) == OK);
}
#endif

TEST("what arenas and buffers hold is drawn, and all of it given back")
{
    size_t before = memory_now().drawn;
    struct arena arena;
    struct buffer buffer;
    arena_init(&arena);
    buffer_init(&buffer, 1 << 20);
    for (unsigned i = 0; i < 100; i++) {
        arena_alloc(&arena, 10000);
        buffer_append(&buffer, TEXT("some more of it"));
    }
    EXPECT(memory_now().drawn >= before + 100 * 10000 + buffer.capacity);
    arena_reset(&arena);
    buffer_reset(&buffer, 0);
    EXPECT(memory_now().drawn <= before + 8192);
    arena_finish(&arena);
    buffer_finish(&buffer);
    EXPECT(memory_now().drawn == before);
}

TEST("a cache is as large as it likes, or its part of the limit")
{
    memory_limit(LIMIT);
    EXPECT(memory_part(8 << 20, 16) == 8 << 20);
    EXPECT(memory_part(64 << 20, 16) == LIMIT / 16);
    memory_limit(0);
}

TEST("the machine has some memory, and the limit by it leaves some")
{
    size_t bytes = memory_of_machine();
    EXPECT(bytes > 64 << 20 && bytes < SIZE_MAX / 4 * 3);
}
