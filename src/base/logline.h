/* What the administrator reads: one line per event, key=value, on standard error or to journald.
 * Log once, at the boundary that decides. Never a secret, never message text. */
#ifndef BASE_LOGLINE_H
#define BASE_LOGLINE_H

#include "base/text.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* event is dotted: "smtp.refused". The rest is key=value pairs, values quoted by log_text. */
#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_line(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, __VA_ARGS__)
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* From now on lines of this thread that are no warnings wait for log_write_gathered, or until a
 * pipe would not take them in one piece; or, if !gathers, no more. What is killed meanwhile loses
 * them. */
void log_gather(bool gathers);
/* A loop does it before it waits, and before another process is told anything, so that the lines of
 * one thing that passes through several stand in its order. */
void log_write_gathered(void);

/* A value safe in a log line: quoted when it has spaces, control bytes and quotes escaped, cut at
 * 200 bytes. Points into a ring of eight, so at most eight in one line. */
const char *log_text(struct text value);

/* Name shown as role=; lines below `least` are dropped. Call once at start. */
void log_setup(const char *role, enum log_level least);

#endif
