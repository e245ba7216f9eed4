/* A role and its peers, whenever they come. */
#include "proc/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "main/programs.h"
#include "queue/client.h"
#include "test.h"

static struct world {
    char path[32];
    struct role_instance *store;
    struct rpc_channel *front; /* the store, as a front has it */
    struct task_group group;
} world;

static void configure(void)
{
    char text[256], directory[64];
    snprintf(directory, sizeof(directory), "%s/store", world.path);
    EXPECT(mkdir(directory, 0700) == 0);
    snprintf(text, sizeof(text), "host a.test\ndata %s\nrun %s\nsandbox off\ndomain a.test {\n}\n",
             world.path, world.path);
    struct settings_source *source;
    struct buffer bytes;
    EXPECT(settings_source_of(TEXT("test.conf"), text_from(text), &source) == OK);
    buffer_init(&bytes, 1 << 16);
    settings_source_encode(source, &bytes);
    settings_source_free(&source);
    struct role_configuration configuration = {.version = 1, .source = buffer_text(&bytes)};
    EXPECT(role_instance_configure(world.store, &configuration) == OK);
    buffer_finish(&bytes);
}

/* A front of this number has been started, or started anew. */
static void join_front(unsigned number)
{
    int ends[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    world.front = rpc_channel_new("store", NULL, 0, NULL, &world.group);
    rpc_channel_connect(world.front, ends[0]);
    EXPECT(role_instance_connect(world.store, ROLE_FRONT, number, ends[1]) == OK);
}

static enum status append(uint64_t id, uint64_t offset)
{
    struct buffer request;
    struct rpc_reply reply;
    buffer_init(&request, 64);
    wire_put_u64(&request, id);
    wire_put_u64(&request, offset);
    wire_put_text(&request, TEXT("0123456789"));
    enum status status = rpc_ask(world.front, QUEUE_APPEND, buffer_text(&request), -1,
                                 clock_monotonic_ms() + MINUTE, &reply);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

static void front_comes_late(void)
{
    enum { LATE = 2, ID = 77 };
    EXPECT(role_instance_start(world.store) == OK);
    join_front(LATE);
    EXPECT(append(ID, 0) == OK);
    EXPECT(append(ID, 10) == OK);
    rpc_channel_close(&world.front);
    join_front(LATE);
    EXPECT(append(ID, 0) == OK); /* another one of this name, not more of that */
    rpc_channel_close(&world.front);
}

static void world_main(void *unused_argument)
{
    unused(unused_argument);
    task_group_init(&world.group);
    world.store = role_instance_new(&store_program, 0);
    configure();
    front_comes_late();
    role_instance_stop(&world.store);
    task_group_finish(&world.group);
}

TEST("what a front began and did not finish goes with it, though it came after the store's start")
{
    world = (struct world){.path = "/tmp/instance-test-XXXXXX"};
    EXPECT(mkdtemp(world.path) != NULL);
    task_loop_run(world_main, NULL);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf '%s'", world.path);
    EXPECT(system(command) == 0);
}
