#include "decide/notice.h"

#include "decide/tls_policy.h"

static bool is_ours(const struct settings *settings, struct text domain)
{
    return settings_domain_find(settings, domain) != NULL;
}

bool decide_notice_allowed(const struct settings *settings, struct text to, enum policy_word what,
                           struct setting_place *place)
{
    struct text domain = text_from_position(to, text_find_last(to, '@') + 1);
    const struct setting_policy *policy = decide_policy_find(settings, domain);
    if (policy == NULL)
        policy = &settings->unnamed;
    *place = policy->place;
    return is_ours(settings, domain) || ((policy->deny & ~policy->allow) >> what & 1) == 0;
}

enum policy_word decide_notice_of(enum report_action action)
{
    switch (action) {
    case REPORT_FAILED:
    case REPORT_DELAYED:
        break;
    case REPORT_DELIVERED:
    case REPORT_RELAYED:
    case REPORT_EXPANDED:
        return POLICY_DELIVERY_REPORTS;
    }
    return POLICY_NON_DELIVERY_REPORTS;
}

bool decide_notice_is_over(const struct settings *settings, struct notice_tally *tally,
                           int64_t now_ms)
{
    if (tally->begun_ms == 0 || now_ms - tally->begun_ms >= settings->report_limit_ms)
        *tally = (struct notice_tally){.begun_ms = now_ms};
    return settings->report_limit > 0 && tally->count >= settings->report_limit;
}
