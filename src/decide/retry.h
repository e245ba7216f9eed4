/* When to try again, when to tell the sender, when to give up: pure. Instants are wall-clock
 * milliseconds. */
#ifndef DECIDE_RETRY_H
#define DECIDE_RETRY_H

#include "mail/terms.h"
#include "settings/settings.h"

/* How long a hop rests after `failures` failed connections in a row (1: the first): the first few
 * are glitches, then the list, whose last entry repeats. */
int64_t decide_hop_wait(const struct setting_retry *retry, unsigned failures);
/* How long one message waits after its `attempts`-th answer "try later" (1: the first). */
int64_t decide_message_wait(const struct setting_retry *retry, unsigned attempts);
/* No message waits longer for its next try. */
int64_t decide_longest_wait(const struct setting_retry *retry);

/* How long a message has waited for a hop, and what was said of it. */
struct wait {
    int64_t begun_ms; /* it came, or was released */
    bool is_local;    /* for a folder of ours, not for a hop */
    enum mail_by by;  /* RFC 2852 */
    int64_t by_ms;
    bool delay_told, deadline_told;
};
enum wait_verdict {
    WAIT_ON,
    WAIT_TELL_DELAY,    /* a delay notice is due; never when the settings ask for none */
    WAIT_TELL_DEADLINE, /* the time of BY=...;N has passed */
    WAIT_GIVE_UP,       /* it has waited too long */
    WAIT_RETURN,        /* the time of BY=...;R has passed */
};
enum wait_verdict decide_wait(const struct setting_retry *retry, const struct wait *wait,
                              int64_t now_ms);
/* The next instant at which the verdict may be another. */
int64_t decide_next_look(const struct setting_retry *retry, const struct wait *wait);
/* When attempts end. */
int64_t decide_last_try(const struct setting_retry *retry, const struct wait *wait);

/* RFC 3461 4.1: what a recipient's NOTIFY asks for; none set: failure and delay. */
enum notice { NOTICE_FAILURE, NOTICE_DELAY, NOTICE_SUCCESS };
bool decide_wants_notice(unsigned notify, enum notice notice);

/* A next hop has taken it for a recipient: does the sender hear "relayed" from us? */
struct relayed_facts {
    unsigned notify;
    enum mail_by by;
    bool by_trace;
    bool peer_reports_success, peer_keeps_time;
};
bool decide_tells_relayed(const struct relayed_facts *facts);

#endif
