/* A command that takes long says so (RFC 9585). */
#include <stdlib.h>

#include "base/clock.h"
#include "imap_world.h"
#include "test.h"

enum { MESSAGES = 1100, ROUNDS = 100 };

static int64_t now_ms;

/* Whenever another task has its turn, much time has passed. */
static void let_time_pass(void *argument)
{
    unused(argument);
    for (int round = 0; round < ROUNDS; round++) {
        now_ms += 11 * SECOND;
        task_yield();
    }
}

static void prepare(void)
{
    for (int i = 0; i < MESSAGES; i++)
        world_put("INBOX", TEXT("Subject: a\r\n\r\nb\r\n"));
    task_spawn(&imap_world.group, "time", let_time_pass, NULL);
}

TEST("a search that takes long tells how far it is, one that does not is silent")
{
    now_ms = INT64_C(1795000000000);
    clock_set_for_test(&now_ms);
    char *heard = world_talk(TEXT("a SELECT INBOX\r\nb SEARCH RETURN (COUNT) ALL\r\n"), 0, prepare);
    clock_set_for_test(NULL);
    EXPECT(strstr(heard, "* OK [INPROGRESS (\"b\" 513 1100)] ") != NULL);
    EXPECT(strstr(heard, "* ESEARCH (TAG \"b\") COUNT 1100\r\n") != NULL);
    EXPECT(strstr(heard, "INPROGRESS (\"a\"") == NULL);
    free(heard);
}
