/* How long a message waits, and what its sender hears meanwhile: pure decisions. */
#include "base/clock.h"
#include "decide/retry.h"
#include "test.h"

static const struct setting_retry retry = {.delay_notice_ms = 12 * HOUR, .expire_ms = 2 * DAY};

/* shows: V27 */
TEST("a wait ends by the settings or by the sender's time, and is told once of each")
{
    static const struct {
        struct wait wait;
        int64_t now_ms;
        enum wait_verdict verdict;
        int64_t next_ms;
    } rows[] = {
        {{.begun_ms = 0}, 0, WAIT_ON, 12 * HOUR},
        {{.begun_ms = 0}, 12 * HOUR, WAIT_TELL_DELAY, 12 * HOUR},
        {{.begun_ms = 0, .delay_told = true}, 12 * HOUR, WAIT_ON, 2 * DAY},
        {{.begun_ms = 0, .delay_told = true}, 2 * DAY, WAIT_GIVE_UP, 2 * DAY},
        {{.begun_ms = HOUR}, 12 * HOUR, WAIT_ON, 13 * HOUR},
        {{.by = MAIL_BY_RETURN, .by_ms = MINUTE}, MINUTE - 1, WAIT_ON, MINUTE},
        {{.by = MAIL_BY_RETURN, .by_ms = MINUTE}, MINUTE, WAIT_RETURN, MINUTE},
        {{.by = MAIL_BY_RETURN, .by_ms = 3 * DAY}, 2 * DAY, WAIT_GIVE_UP, 12 * HOUR},
        {{.by = MAIL_BY_NOTIFY, .by_ms = MINUTE}, MINUTE - 1, WAIT_ON, MINUTE},
        {{.by = MAIL_BY_NOTIFY, .by_ms = MINUTE}, MINUTE, WAIT_TELL_DEADLINE, MINUTE},
        {{.by = MAIL_BY_NOTIFY, .by_ms = MINUTE, .deadline_told = true},
         MINUTE,
         WAIT_ON,
         12 * HOUR},
        {{.by = MAIL_BY_NOTIFY, .by_ms = MINUTE, .deadline_told = true, .delay_told = true},
         DAY,
         WAIT_ON,
         2 * DAY},
        /* Late before it came: by relays before us. */
        {{.begun_ms = HOUR, .by = MAIL_BY_NOTIFY, .by_ms = 1}, HOUR, WAIT_TELL_DEADLINE, 1},
        {{.by = MAIL_BY_NOTIFY, .by_ms = MINUTE}, 2 * DAY, WAIT_GIVE_UP, MINUTE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum wait_verdict verdict = decide_wait(&retry, &rows[i].wait, rows[i].now_ms);
        int64_t next_ms = decide_next_look(&retry, &rows[i].wait);
        if (verdict != rows[i].verdict || next_ms != rows[i].next_ms)
            fail_msg("row %zu: %d, %lld", i, verdict, (long long)next_ms);
    }
}

TEST("attempts end with the settings' time or the sender's, whichever comes first")
{
    struct wait wait = {.begun_ms = 0, .by = MAIL_BY_RETURN, .by_ms = HOUR};
    EXPECT(decide_last_try(&retry, &wait) == HOUR);
    wait.by_ms = 3 * DAY;
    EXPECT(decide_last_try(&retry, &wait) == 2 * DAY);
    wait = (struct wait){.begun_ms = HOUR, .by = MAIL_BY_NOTIFY, .by_ms = HOUR};
    EXPECT(decide_last_try(&retry, &wait) == 2 * DAY + HOUR);
}

TEST("no message waits longer than the longest interval, wherever that stands in the list")
{
    int64_t after_ms[] = {MINUTE, 4 * HOUR, HOUR};
    struct setting_retry listed = {.after_ms = after_ms, .after_count = 3};
    EXPECT(decide_longest_wait(&listed) == 4 * HOUR);
    EXPECT(decide_longest_wait(&retry) == decide_message_wait(&retry, 1));
}

/* shows: V27 */
TEST("relaying is told where nobody behind can tell, and where every hop was asked to")
{
    static const struct {
        struct relayed_facts facts;
        bool told;
    } rows[] = {
        {{.notify = 0}, false},
        {{.notify = 2}, true},
        {{.notify = 2, .peer_reports_success = true}, false},
        {{.notify = 12}, false},
        {{.notify = 0, .by = MAIL_BY_NOTIFY}, true},
        {{.notify = 0, .by = MAIL_BY_NOTIFY, .peer_keeps_time = true}, false},
        {{.notify = 1, .by = MAIL_BY_NOTIFY}, false},
        {{.notify = 0, .by = MAIL_BY_RETURN, .peer_keeps_time = true}, false},
        {{.notify = 4, .by = MAIL_BY_RETURN, .peer_keeps_time = true, .by_trace = true}, true},
        {{.notify = 1, .by = MAIL_BY_RETURN, .peer_keeps_time = true, .by_trace = true}, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (decide_tells_relayed(&rows[i].facts) != rows[i].told)
            fail_msg("row %zu", i);
}
