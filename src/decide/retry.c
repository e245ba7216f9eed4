#include "decide/retry.h"

#include "base/clock.h"

/* queue/client.h has these bits; they are RFC 3461's and this folder stands below it. */
enum { BIT_NEVER = 1, BIT_SUCCESS = 2, BIT_FAILURE = 4, BIT_DELAY = 8 };

static int64_t from_list(const struct setting_retry *retry, unsigned place)
{
    if (retry->after_count == 0)
        return 15 * MINUTE;
    return retry->after_ms[place < retry->after_count ? place : retry->after_count - 1];
}

int64_t decide_hop_wait(const struct setting_retry *retry, unsigned failures)
{
    if (failures == 0)
        return 0;
    if (failures <= retry->glitch_count)
        return retry->glitch_ms;
    return from_list(retry, failures - retry->glitch_count - 1);
}

int64_t decide_message_wait(const struct setting_retry *retry, unsigned attempts)
{
    return from_list(retry, attempts == 0 ? 0 : attempts - 1);
}

int64_t decide_longest_wait(const struct setting_retry *retry)
{
    int64_t longest = from_list(retry, 0);
    for (unsigned i = 1; i < retry->after_count; i++)
        longest = from_list(retry, i) > longest ? from_list(retry, i) : longest;
    return longest;
}

static int64_t expire_ms(const struct setting_retry *retry, const struct wait *wait)
{
    return wait->is_local ? retry->local_expire_ms : retry->expire_ms;
}

/* 0: never. */
static int64_t notice_ms(const struct setting_retry *retry, const struct wait *wait)
{
    return wait->is_local ? retry->local_notice_ms : retry->delay_notice_ms;
}

int64_t decide_last_try(const struct setting_retry *retry, const struct wait *wait)
{
    int64_t expiry = wait->begun_ms + expire_ms(retry, wait);
    return wait->by == MAIL_BY_RETURN && wait->by_ms < expiry ? wait->by_ms : expiry;
}

enum wait_verdict decide_wait(const struct setting_retry *retry, const struct wait *wait,
                              int64_t now_ms)
{
    int64_t age_ms = now_ms - wait->begun_ms;
    bool time_is_up = wait->by != MAIL_BY_NONE && now_ms >= wait->by_ms;
    if (time_is_up && wait->by == MAIL_BY_RETURN)
        return WAIT_RETURN;
    if (age_ms >= expire_ms(retry, wait))
        return WAIT_GIVE_UP;
    if (time_is_up && !wait->deadline_told)
        return WAIT_TELL_DEADLINE;
    int64_t after_ms = notice_ms(retry, wait);
    if (!wait->delay_told && after_ms > 0 && age_ms >= after_ms)
        return WAIT_TELL_DELAY;
    return WAIT_ON;
}

int64_t decide_next_look(const struct setting_retry *retry, const struct wait *wait)
{
    int64_t next = decide_last_try(retry, wait);
    int64_t after_ms = notice_ms(retry, wait), notice = wait->begun_ms + after_ms;
    if (!wait->delay_told && after_ms > 0 && notice < next)
        next = notice;
    if (wait->by == MAIL_BY_NOTIFY && !wait->deadline_told && wait->by_ms < next)
        next = wait->by_ms;
    return next;
}

bool decide_wants_notice(unsigned notify, enum notice notice)
{
    if (notify == 0)
        return notice != NOTICE_SUCCESS;
    if (notify & BIT_NEVER)
        return false;
    switch (notice) {
    case NOTICE_FAILURE:
        return notify & BIT_FAILURE;
    case NOTICE_DELAY:
        return notify & BIT_DELAY;
    case NOTICE_SUCCESS:
        return notify & BIT_SUCCESS;
    }
    return false;
}

bool decide_tells_relayed(const struct relayed_facts *facts)
{
    if (facts->notify & BIT_NEVER)
        return false;
    /* RFC 3461 5.2.2: a peer without DSN won't report success. */
    if (decide_wants_notice(facts->notify, NOTICE_SUCCESS) && !facts->peer_reports_success)
        return true;
    /* RFC 2852 4.1.4, 4.2: every hop is traced; and one without DELIVERBY forgets the time. */
    return facts->by_trace || (facts->by == MAIL_BY_NOTIFY && !facts->peer_keeps_time);
}
