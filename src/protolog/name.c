#include "protolog/name.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static const struct {
    const char *dated, *numbered;
} prefixes[] = {
    [PROTOLOG_OFF] = {"", ""},
    [PROTOLOG_W3C] = {"ex", "extend"},
    [PROTOLOG_IIS] = {"in", "inetsv"},
    [PROTOLOG_NCSA] = {"nc", "ncsa"},
};

/* The weeks of a month begin on Sundays; its first days are week 1, whole or not. */
static int week_of_month(const struct tm *time)
{
    int first_weekday = (time->tm_wday - (time->tm_mday - 1) % 7 + 7) % 7;
    return (time->tm_mday - 1 + first_weekday) / 7 + 1;
}

void protolog_file_name(const struct setting_log *log, int64_t wall_ms, uint32_t number,
                        char out[PROTOLOG_FILE_NAME_BYTES])
{
    const char *dated = prefixes[log->form.format].dated;
    time_t seconds =
        (time_t)((wall_ms + (log->is_local ? clock_local_east_ms(wall_ms) : 0)) / SECOND);
    struct tm time;
    gmtime_r(&seconds, &time);
    unsigned year = (unsigned)(time.tm_year % 100 + 100) % 100;
    unsigned month = (unsigned)time.tm_mon + 1, day = (unsigned)time.tm_mday;
    switch (log->form.every) {
    case PROTOLOG_HOURLY:
        snprintf(out, PROTOLOG_FILE_NAME_BYTES, "%s%02u%02u%02u%02u.log", dated, year, month, day,
                 (unsigned)time.tm_hour);
        break;
    case PROTOLOG_DAILY:
        snprintf(out, PROTOLOG_FILE_NAME_BYTES, "%s%02u%02u%02u.log", dated, year, month, day);
        break;
    case PROTOLOG_WEEKLY:
        snprintf(out, PROTOLOG_FILE_NAME_BYTES, "%s%02u%02u%02d.log", dated, year, month,
                 week_of_month(&time));
        break;
    case PROTOLOG_MONTHLY:
        snprintf(out, PROTOLOG_FILE_NAME_BYTES, "%s%02u%02u.log", dated, year, month);
        break;
    case PROTOLOG_UNLIMITED:
    case PROTOLOG_BY_SIZE:
        snprintf(out, PROTOLOG_FILE_NAME_BYTES, "%s%u.log", prefixes[log->form.format].numbered,
                 number);
        break;
    }
}

/* name is prefix, digits, ".log". */
static bool is_like(struct text name, const char *prefix, struct text *digits)
{
    struct text suffix = TEXT(".log");
    size_t around = text_from(prefix).length + suffix.length;
    if (name.length <= around || !text_starts_with(name, text_from(prefix)) ||
        !text_ends_with_nocase(name, suffix))
        return false;
    *digits = text_head(text_from_position(name, text_from(prefix).length), name.length - around);
    for (size_t i = 0; i < digits->length; i++)
        if (digits->data[i] < '0' || digits->data[i] > '9')
            return false;
    return true;
}

static bool is_of(struct text name, enum protolog_format format, uint32_t *number)
{
    struct text digits;
    *number = 0;
    if (is_like(name, prefixes[format].numbered, &digits))
        return text_to_u32(digits, number) && *number > 0;
    return is_like(name, prefixes[format].dated, &digits) && digits.length % 2 == 0 &&
           digits.length >= 4 && digits.length <= 8;
}

bool protolog_name_parse(struct text name, enum protolog_format format, uint32_t *number)
{
    if (format != PROTOLOG_OFF)
        return is_of(name, format, number);
    for (format = PROTOLOG_W3C; format <= PROTOLOG_NCSA; format++)
        if (is_of(name, format, number))
            return true;
    return false;
}
