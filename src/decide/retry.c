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

bool decide_is_expired(const struct setting_retry *retry, int64_t received_ms, int64_t now_ms)
{
    return now_ms - received_ms >= retry->expire_ms;
}

bool decide_is_delayed(const struct setting_retry *retry, int64_t received_ms, int64_t now_ms)
{
    return retry->delay_notice_ms > 0 && now_ms - received_ms >= retry->delay_notice_ms;
}

int64_t decide_next_look(const struct setting_retry *retry, int64_t received_ms, bool notified)
{
    int64_t expiry = received_ms + retry->expire_ms;
    if (notified || retry->delay_notice_ms <= 0)
        return expiry;
    int64_t notice = received_ms + retry->delay_notice_ms;
    return notice < expiry ? notice : expiry;
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
