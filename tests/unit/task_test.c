#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "task/io.h"
#include "task/offload.h"
#include "task/simulation.h"
#include "task/task.h"
#include "test.h"

static char trail[256];

static bool quiet;

static void note(const char *word)
{
    if (quiet)
        return;
    check(strlen(trail) + strlen(word) < sizeof(trail));
    memcpy(trail + strlen(trail), word, strlen(word) + 1);
}

static void run(task_function *function)
{
    trail[0] = '\0';
    task_loop_run(function, NULL);
}

static void say_twice(void *word)
{
    note(word);
    task_yield();
    note(word);
}

static void two_children(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "a", say_twice, "a");
    task_spawn(&group, "b", say_twice, "b");
    task_group_wait(&group, NO_DEADLINE);
    note("!");
}

TEST("tasks take turns and the group waits for all of them")
{
    run(two_children);
    EXPECT_TEXT(text_from(trail), "abab!");
}

static void sleep_long(void *unused_argument)
{
    unused(unused_argument);
    note(task_sleep(HOUR) == OK ? "slept" : fail_reason());
    note(task_sleep(HOUR) == OK ? "slept" : " again");
}

static void cancel_children(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "sleeper", sleep_long, NULL);
    task_yield();
    EXPECT(task_group_wait(&group, clock_monotonic_ms() + 2) == TRY_LATER);
    task_group_finish(&group);
    EXPECT(group.count == 0);
}

TEST("cancelling makes every blocking call fail, now and later")
{
    run(cancel_children);
    EXPECT_TEXT(text_from(trail), "cancelled again");
}

static void sleep_shielded(void *unused_argument)
{
    unused(unused_argument);
    task_shield_begin();
    note(task_sleep(5) == OK ? "finished" : "cut short");
    task_shield_end();
    note(task_sleep(HOUR) == OK ? " slept" : " cancelled");
}

static void cancel_shielded(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "sleeper", sleep_shielded, NULL);
    task_yield();
    task_group_finish(&group);
}

TEST("a shielded step is finished before its task sees that it was cancelled")
{
    run(cancel_shielded);
    EXPECT_TEXT(text_from(trail), "finished cancelled");
}

static struct task_event event;

static void wait_for_event(void *word)
{
    if (task_event_wait(&event, NO_DEADLINE) == OK)
        note(word);
}

static void tell(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    task_event_init(&event);
    task_spawn(&group, "1", wait_for_event, "1");
    task_spawn(&group, "2", wait_for_event, "2");
    task_spawn(&group, "3", wait_for_event, "3");
    task_spawn(&group, "4", wait_for_event, "4");
    task_yield();
    task_event_tell_last(&event);
    task_event_tell_one(&event);
    task_yield();
    note("|");
    task_event_tell_all(&event);
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(task_event_wait(&event, clock_monotonic_ms() + 1) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), "timed out");
}

static void take_a_turn(void *unused_argument)
{
    unused(unused_argument);
    task_yield();
}

static void count_turns(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    uint64_t own_turn = task_turns() + 1;
    task_sleep(1);
    EXPECT(task_turns() == own_turn);
    task_group_init(&group);
    task_spawn(&group, "other", take_a_turn, NULL);
    own_turn = task_turns() + 1;
    task_sleep(1);
    EXPECT(task_turns() == own_turn + 2);
    task_group_wait(&group, NO_DEADLINE);
}

TEST("a task sees whether others are at work while it rests")
{
    run(count_turns);
}

TEST("an event wakes the first come, the last, or all")
{
    run(tell);
    EXPECT_TEXT(text_from(trail), "41|23");
}

static void read_one_byte(void *argument)
{
    struct task_io io;
    char byte = 0;
    EXPECT(task_io_open(&io, *(int *)argument) == OK);
    while (read(io.fd, &byte, 1) < 0)
        if (task_io_wait(&io, TASK_READ, NO_DEADLINE) != OK)
            break;
    EXPECT(byte == 'x');
    EXPECT(task_io_wait(&io, TASK_READ, clock_monotonic_ms() + 1) == TRY_LATER);
    task_io_close(&io);
    note("read");
}

static void pipe_between(void *unused_argument)
{
    unused(unused_argument);
    int ends[2];
    EXPECT(pipe2(ends, O_NONBLOCK) == 0);
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "reader", read_one_byte, &ends[0]);
    task_sleep(1);
    EXPECT(write(ends[1], "x", 1) == 1);
    task_group_wait(&group, NO_DEADLINE);
    close(ends[0]);
    close(ends[1]);
}

TEST("a task reads when the descriptor becomes ready, and times out when it does not")
{
    run(pipe_between);
    EXPECT_TEXT(text_from(trail), "read");
}

enum { FULL_ROUNDS = 3 };

/* Fill it until there is no room, as often as the other end makes some. */
static void write_until_full(void *argument)
{
    struct task_io *io = argument;
    char block[1024] = {0};
    for (int round = 0; round < FULL_ROUNDS; round++) {
        while (send(io->fd, block, sizeof(block), MSG_DONTWAIT) > 0)
            ;
        EXPECT(task_io_wait(io, TASK_WRITE, NO_DEADLINE) == OK);
        note("w");
    }
}

static void read_all(int fd)
{
    char block[1024];
    while (recv(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
        ;
}

static void full_socket(void *unused_argument)
{
    unused(unused_argument);
    int ends[2];
    struct task_io io;
    struct task_group group;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    EXPECT(task_io_open(&io, ends[0]) == OK);
    EXPECT(!io.watches_room);
    task_group_init(&group);
    task_spawn(&group, "writer", write_until_full, &io);
    while (group.count > 0) {
        task_sleep(1);
        EXPECT(io.watches_room);
        read_all(ends[1]);
    }
    /* Now nobody waits, and being told once is enough. */
    EXPECT(send(ends[0], "x", 1, MSG_DONTWAIT) == 1);
    read_all(ends[1]);
    while (io.watches_room)
        task_sleep(1);
    EXPECT((io.ready & TASK_WRITE) != 0);
    task_io_close(&io);
    close(ends[0]);
    close(ends[1]);
}

TEST("room to write wakes who waits for it, and is not watched for when nobody does")
{
    run(full_socket);
    EXPECT_TEXT(text_from(trail), "www");
}

static void add_one(void *number)
{
    usleep(1000);
    ++*(int *)number;
}

static void offload_one(void *number)
{
    task_offload(add_one, number);
    note("+");
}

static void offload_many(void *unused_argument)
{
    unused(unused_argument);
    int numbers[20] = {0};
    struct task_group group;
    task_group_init(&group);
    for (int i = 0; i < 20; i++)
        task_spawn(&group, "offload", offload_one, &numbers[i]);
    task_group_wait(&group, NO_DEADLINE);
    for (int i = 0; i < 20; i++)
        EXPECT(numbers[i] == 1);
}

TEST("offloaded calls all come back, more of them than threads")
{
    run(offload_many);
    EXPECT(strlen(trail) == 20);
}

static void meet(void *barrier)
{
    pthread_barrier_wait(barrier);
}

static void offload_meeting(void *barrier)
{
    task_offload(meet, barrier);
}

/* One thread exists and waits when two jobs come at once, each of which needs the other. */
static void offload_two(void *unused_argument)
{
    unused(unused_argument);
    int number = 0;
    pthread_barrier_t barrier;
    struct task_group group;
    task_group_init(&group);
    pthread_barrier_init(&barrier, NULL, 2);
    task_offload(add_one, &number);
    for (int i = 0; i < 2; i++)
        task_spawn(&group, "meeting", offload_meeting, &barrier);
    task_group_wait(&group, NO_DEADLINE);
    pthread_barrier_destroy(&barrier);
}

TEST("no call waits behind another while there may be a thread for it")
{
    run(offload_two);
}

static unsigned spare_running; /* on other threads */

static void run_alone(void *most)
{
    unsigned running = __atomic_add_fetch(&spare_running, 1, __ATOMIC_SEQ_CST);
    if (running > *(unsigned *)most)
        *(unsigned *)most = running;
    usleep(1000);
    __atomic_sub_fetch(&spare_running, 1, __ATOMIC_SEQ_CST);
}

static void offload_alone(void *most)
{
    task_offload_spare(run_alone, most);
    note("+");
}

static void offload_spare(void *unused_argument)
{
    unused(unused_argument);
    unsigned most = 0;
    struct task_group group;
    task_group_init(&group);
    for (int i = 0; i < 10; i++)
        task_spawn(&group, "spare", offload_alone, &most);
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(most == 1);
}

TEST("calls that can wait come back too, one after the other")
{
    run(offload_spare);
    EXPECT(strlen(trail) == 10);
}

static void offload_spare_meeting(void *barrier)
{
    task_offload_spare(meet, barrier);
}

/* As many usual calls as there are threads for, all of which wait for the one that can wait. */
static void offload_beside(void *unused_argument)
{
    unused(unused_argument);
    enum { USUAL = 4 };
    pthread_barrier_t barrier;
    struct task_group group;
    task_group_init(&group);
    pthread_barrier_init(&barrier, NULL, USUAL + 1);
    for (int i = 0; i < USUAL; i++)
        task_spawn(&group, "meeting", offload_meeting, &barrier);
    task_yield();
    task_spawn(&group, "spare", offload_spare_meeting, &barrier);
    task_group_wait(&group, NO_DEADLINE);
    pthread_barrier_destroy(&barrier);
}

TEST("calls that can wait have a thread of their own, whatever the others do")
{
    run(offload_beside);
}

static void offload_when_cancelled(void *numbers)
{
    int *number = numbers;
    task_offload_spare(add_one, number);
    EXPECT(task_is_cancelled());
}

static void offload_cancelled(void *unused_argument)
{
    unused(unused_argument);
    int number = 0;
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "spare", offload_when_cancelled, &number);
    task_yield();
    task_group_finish(&group);
    EXPECT(number == 1);
}

TEST("a call that can wait is waited for although its task is cancelled")
{
    run(offload_cancelled);
}

static void many_sleepers(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    for (int i = 0; i < 5000; i++)
        task_spawn(&group, "sleeper", sleep_long, NULL);
    task_yield();
    task_group_finish(&group);
}

/* The process that is killed at the next switch; 0: none. */
static unsigned doomed;

static void kill_doomed(void *context, unsigned process)
{
    unused(context), unused(process);
    if (doomed != 0)
        task_kill_process(doomed);
    doomed = 0;
}

static void never(void *unused_argument)
{
    unused(unused_argument);
    note(" never");
}

static void wait_in_vain(void *what)
{
    task_event_wait(what, NO_DEADLINE);
    never(NULL);
}

static void offload_in_vain(void *unused_argument)
{
    unused(unused_argument);
    task_offload(never, NULL);
    never(NULL);
}

static void sleep_in_vain(void *unused_argument)
{
    unused(unused_argument);
    task_sleep(SECOND);
    never(NULL);
}

/* The event is on a stack that goes too. */
static void be_a_process(void *group)
{
    struct task_event own;
    task_event_init(&own);
    task_set_process(1);
    task_spawn(group, "waits", wait_in_vain, &own);
    task_spawn(group, "sleeps", sleep_in_vain, NULL);
    task_spawn(group, "offloads", offload_in_vain, NULL);
    wait_in_vain(&own);
}

/* After the job was given, and before it is begun. */
static void doom(void *unused_argument)
{
    unused(unused_argument);
    EXPECT(task_process() == 0);
    doomed = 1;
}

static void kill_a_process(void *unused_argument)
{
    unused(unused_argument);
    struct task_group theirs, ours;
    task_group_init(&theirs);
    task_group_init(&ours);
    task_spawn(&theirs, "process", be_a_process, &theirs);
    task_yield();
    task_spawn(&ours, "dooms", doom, NULL);
    task_spawn(&ours, "another", say_twice, "a");
    task_group_wait(&theirs, NO_DEADLINE);
    note("!");
    task_group_wait(&ours, NO_DEADLINE);
    task_sleep(MINUTE);
}

TEST("tasks of a simulated process that is killed do not go on, and the others do")
{
    struct task_simulation simulation = {.now_ms = 1, .at_switch = kill_doomed};
    task_simulate(&simulation);
    run(kill_a_process);
    task_simulate(NULL);
    EXPECT_TEXT(text_from(trail), "a!a");
}

TEST("five thousand tasks park and end")
{
    quiet = true;
    run(many_sleepers);
    quiet = false;
}
