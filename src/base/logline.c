#include "base/logline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static struct {
    char role[32];
    enum log_level least;
} setup = {"mailroot", LOG_LEVEL_INFO};

enum { LINE_BYTES = 2048, GATHERED_BYTES = 4096 }; /* so much a pipe takes in one piece */

/* Not written yet; each thread's own. */
static _Thread_local struct {
    char bytes[GATHERED_BYTES];
    size_t length;
    bool is_on;
} gathered;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_setup(const char *role, enum log_level least)
{
    snprintf(setup.role, sizeof(setup.role), "%s", role);
    setup.least = least;
}

void log_gather(bool gathers)
{
    log_write_gathered();
    gathered.is_on = gathers;
}

void log_write_gathered(void)
{
    if (gathered.length == 0)
        return;
    int saved_errno = errno;
    /* One write, so that lines of several roles do not mix. Nothing to do if it fails. */
    ssize_t written = write(STDERR_FILENO, gathered.bytes, gathered.length);
    (void)written;
    gathered.length = 0;
    errno = saved_errno;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    if (level < setup.least)
        return;
    int saved_errno = errno;
    if (sizeof(gathered.bytes) - gathered.length < LINE_BYTES)
        log_write_gathered();
    char *line = gathered.bytes + gathered.length, now[CLOCK_TEXT_BYTES];
    int head = snprintf(line, LINE_BYTES, "time=%s level=%s role=%s event=%s ",
                        clock_rfc3339(clock_wall_ms(), now), level_names[level], setup.role, event);
    va_list arguments;
    va_start(arguments, format);
    errno = saved_errno;
    int body = vsnprintf(line + head, LINE_BYTES - (size_t)head - 1, format, arguments);
    va_end(arguments);
    size_t length = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (length > LINE_BYTES - 2)
        length = LINE_BYTES - 2;
    line[length++] = '\n';
    gathered.length += length;
    if (!gathered.is_on || level >= LOG_LEVEL_WARNING)
        log_write_gathered();
    errno = saved_errno;
}

static size_t escape_byte(unsigned char byte, char *out)
{
    static const char hex[] = "0123456789abcdef";
    if (byte == '"' || byte == '\\') {
        out[0] = '\\';
        out[1] = (char)byte;
        return 2;
    }
    if (byte >= 32 && byte != 127) {
        out[0] = (char)byte;
        return 1;
    }
    memcpy(out, "\\x", 2);
    out[2] = hex[byte >> 4];
    out[3] = hex[byte & 15];
    return 4;
}

const char *log_text(struct text value)
{
    enum { RING = 8, MOST = 200 };
    static _Thread_local char ring[RING][MOST * 4 + 8];
    static _Thread_local unsigned turn;
    char *out = ring[turn++ % RING];
    size_t length = 0;
    out[length++] = '"';
    for (size_t i = 0; i < value.length && i < MOST; i++)
        length += escape_byte((unsigned char)value.data[i], out + length);
    if (value.length > MOST) {
        memcpy(out + length, "...", 3);
        length += 3;
    }
    out[length++] = '"';
    out[length] = '\0';
    return out;
}
