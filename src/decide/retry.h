/* When to try again, when to tell the sender, when to give up: pure. Instants are wall-clock
 * milliseconds. */
#ifndef DECIDE_RETRY_H
#define DECIDE_RETRY_H

#include "proc/settings.h"

/* How long a hop rests after `failures` failed connections in a row (1: the first): the first few
 * are glitches, then the list, whose last entry repeats. */
int64_t decide_hop_wait(const struct setting_retry *retry, unsigned failures);
/* How long one message waits after its `attempts`-th answer "try later" (1: the first). */
int64_t decide_message_wait(const struct setting_retry *retry, unsigned attempts);

bool decide_is_expired(const struct setting_retry *retry, int64_t received_ms, int64_t now_ms);
/* A delay notice is due; never when the settings ask for none. */
bool decide_is_delayed(const struct setting_retry *retry, int64_t received_ms, int64_t now_ms);
/* The next instant at which one of the two may become true. */
int64_t decide_next_look(const struct setting_retry *retry, int64_t received_ms, bool notified);

/* RFC 3461 4.1: what a recipient's NOTIFY asks for; none set: failure and delay. */
enum notice { NOTICE_FAILURE, NOTICE_DELAY, NOTICE_SUCCESS };
bool decide_wants_notice(unsigned notify, enum notice notice);

#endif
