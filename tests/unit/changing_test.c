#include "main/changing.h"

#include <string.h>

#include "base/clock.h"
#include "test.h"

static struct changing changing;
static char trail[64];

static void note(const char *word)
{
    check(strlen(trail) + strlen(word) < sizeof(trail));
    memcpy(trail + strlen(trail), word, strlen(word) + 1);
}

/* A change that lets others run in its middle. */
static void change(void *name)
{
    if (changing_begin(&changing) != OK) {
        note("-");
        return;
    }
    note(name);
    task_yield();
    note(name);
    changing_end(&changing);
}

static void change_three_times(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "a", change, "a");
    task_spawn(&group, "b", change, "b");
    task_spawn(&group, "c", change, "c");
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(!changing.is_under_way);
}

static void cancel_who_waits(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    EXPECT(changing_begin(&changing) == OK);
    task_spawn(&group, "a", change, "a");
    task_yield();
    task_group_finish(&group);
    EXPECT(changing.is_under_way);
    changing_end(&changing);
}

static void run(task_function *function)
{
    trail[0] = '\0';
    changing_init(&changing);
    task_loop_run(function, NULL);
}

TEST("changes of the configuration wait for each other and go in turn")
{
    run(change_three_times);
    EXPECT_TEXT(text_from(trail), "aabbcc");
}

TEST("who is cancelled while he waits changes nothing")
{
    run(cancel_who_waits);
    EXPECT_TEXT(text_from(trail), "-");
}
