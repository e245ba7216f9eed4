/* The second kind of trouble: the world. Two ways to fail, as mail knows them: TRY_LATER (4xx: the
 * same request may succeed) and REFUSED (5xx: it will not). The reason is kept on the running
 * task and read with fail_reason() before the next failure. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/text.h"

enum status { OK = 0, TRY_LATER = 1, REFUSED = 2 };

enum { REASON_BYTES = 512 };
struct reason {
    char text[REASON_BYTES];
};

/* Note why and return the status, so that a failure is one statement. %m is errno's text. */
enum status try_later(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum status refused(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Return `status` with the reason put behind context: "context: reason". */
enum status fail_within(enum status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last failure's reason on this task; "" when there was none. */
const char *fail_reason(void);

/* A copy of it, for what else may fail before it is told. */
struct reason fail_keep(void);
/* Return `status` with a reason that was kept; OK stays OK, whatever it says. */
enum status fail_again(enum status status, const char *reason);

/* "ok", "try later" or "refused". */
const char *status_name(enum status status);

/* For the task module alone: make another reason current, and return the one before. NULL
 * selects the thread's own. */
struct reason *reason_switch(struct reason *reason);

#endif
