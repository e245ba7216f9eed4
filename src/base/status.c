#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct reason thread_reason;
static _Thread_local struct reason *current_reason;

static struct reason *reason_now(void)
{
    return current_reason == NULL ? &thread_reason : current_reason;
}

enum status try_later(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason_now()->text, REASON_BYTES, format, arguments);
    va_end(arguments);
    return TRY_LATER;
}

enum status refused(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason_now()->text, REASON_BYTES, format, arguments);
    va_end(arguments);
    return REFUSED;
}

enum status fail_within(enum status status, const char *format, ...)
{
    struct reason inner = *reason_now();
    char *out = reason_now()->text;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, REASON_BYTES, format, arguments);
    va_end(arguments);
    if (length >= 0 && length < REASON_BYTES)
        snprintf(out + length, (size_t)(REASON_BYTES - length), ": %.400s", inner.text);
    return status;
}

const char *fail_reason(void)
{
    return reason_now()->text;
}

struct reason fail_keep(void)
{
    return *reason_now();
}

enum status fail_again(enum status status, const char *reason)
{
    if (status == OK)
        return OK;
    return status == REFUSED ? refused("%s", reason) : try_later("%s", reason);
}

const char *status_name(enum status status)
{
    switch (status) {
    case OK:
        return "ok";
    case TRY_LATER:
        return "try later";
    case REFUSED:
        return "refused";
    }
    return "unknown";
}

struct reason *reason_switch(struct reason *reason)
{
    struct reason *before = current_reason;
    current_reason = reason;
    return before;
}
