#include "account/quota.h"

#include <inttypes.h>

#include "account/preference.h"
#include "base/logline.h"

struct quota quota_of(const struct accounts *accounts, struct text owner)
{
    return (struct quota){
        .bytes_limit = preference_get(accounts, owner, PREFERENCE_QUOTA),
        .messages_limit = preference_get(accounts, owner, PREFERENCE_QUOTA_MESSAGES),
        .used = mailbox_owner_totals(accounts->store, owner),
    };
}

bool quota_limits(const struct accounts *accounts, struct text owner)
{
    return preference_get(accounts, owner, PREFERENCE_QUOTA) != 0 ||
           preference_get(accounts, owner, PREFERENCE_QUOTA_MESSAGES) != 0;
}

bool quota_is_set_by(struct text value_name)
{
    return preference_is_value(PREFERENCE_QUOTA, value_name) ||
           preference_is_value(PREFERENCE_QUOTA_MESSAGES, value_name);
}

static bool has_room(uint64_t limit, uint64_t used, uint64_t more)
{
    return limit == 0 || (used <= limit && more <= limit - used);
}

/* The mark at nine tenths lies between what there is and what there will be. */
static bool comes_near(uint64_t limit, uint64_t used, uint64_t more)
{
    uint64_t mark = limit - limit / 10;
    return limit != 0 && used < mark && more >= mark - used;
}

static void log_near(struct text owner, const char *what, uint64_t used, uint64_t limit)
{
    log_warning("quota.near", "user=%s %s=%" PRIu64 " limit=%" PRIu64, log_text(owner), what, used,
                limit);
}

enum status quota_admit(const struct accounts *accounts, struct text owner, uint64_t messages,
                        uint64_t bytes)
{
    struct quota quota = quota_of(accounts, owner);
    if (!has_room(quota.bytes_limit, quota.used.bytes, bytes))
        return refused("over quota: %" PRIu64 " of %" PRIu64 " bytes are used", quota.used.bytes,
                       quota.bytes_limit);
    if (!has_room(quota.messages_limit, quota.used.messages, messages))
        return refused("over quota: %" PRIu64 " of %" PRIu64 " messages are there",
                       quota.used.messages, quota.messages_limit);
    if (comes_near(quota.bytes_limit, quota.used.bytes, bytes))
        log_near(owner, "bytes", quota.used.bytes + bytes, quota.bytes_limit);
    if (comes_near(quota.messages_limit, quota.used.messages, messages))
        log_near(owner, "messages", quota.used.messages + messages, quota.messages_limit);
    return OK;
}

bool quota_refuses(const struct accounts *accounts, struct text owner)
{
    struct text domain = text_from_position(owner, text_find_last(owner, '@') + 1);
    const struct setting_domain *found =
        accounts->settings == NULL ? NULL : settings_domain_find(accounts->settings, domain);
    return found != NULL && found->quota_refuses;
}
