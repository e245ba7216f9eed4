/* What may be sent to a domain without a person's doing: reports, answers. Pure. */
#ifndef DECIDE_NOTICE_H
#define DECIDE_NOTICE_H

#include "mail/report.h"
#include "settings/settings.h"

/* May it be sent to this address? Always, when it is one of ours. False: *place is where that was
 * written; line 0: it is the profile's. */
bool decide_notice_allowed(const struct settings *settings, struct text to, enum policy_word what,
                           struct setting_place *place);
/* Which word a report that says this is meant by. */
enum policy_word decide_notice_of(enum report_action action);

/* Reports to one address, lately. Zeroed: none. */
struct notice_tally {
    int64_t begun_ms; /* of the time that is counted in; wall or not, as now_ms */
    uint32_t count;
    uint32_t kept_back; /* since then */
};
/* There have been as many as may be (settings' reports limit). Begins a new time when the one
 * before is over. */
bool decide_notice_is_over(const struct settings *settings, struct notice_tally *tally,
                           int64_t now_ms);

#endif
