#include "store/sync_point.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

/* Read once; afterwards only `passes` changes, on the loop's thread. */
static struct {
    pthread_once_t once;
    struct text name;
    uint32_t passes;
} crash = {.once = PTHREAD_ONCE_INIT};

static void read_environment(void)
{
    struct text value = text_from(getenv("MAILROOT_CRASH_AT"));
    crash.name = text_before(value, ':');
    if (!text_to_u32(text_after(value, ':'), &crash.passes))
        crash.passes = 1;
}

void sync_point(const char *name)
{
    pthread_once(&crash.once, read_environment);
    if (crash.name.length == 0 || !text_equals(crash.name, text_from(name)))
        return;
    if (crash.passes-- <= 1)
        kill(getpid(), SIGKILL);
}
