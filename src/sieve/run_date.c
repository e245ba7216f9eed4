/* date and currentdate (RFC 5260 4). */
#include "mail/date.h"
#include "mail/header.h"
#include "sieve/match.h"

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS, NO_ZONE = 1 << 20 };

/* An instant as the clock of a zone shows it. */
struct shown {
    int year, month, day, hour, minute, second, weekday;
    int64_t julian; /* modified */
    int zone;       /* minutes east */
};

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 to a date; the era arithmetic of the proleptic Gregorian calendar. */
static void set_date(struct shown *out, int64_t days)
{
    int64_t shifted = days + 719468; /* since 0000-03-01 */
    int64_t era = floor_divide(shifted, 146097);
    int64_t in_era = shifted - era * 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153;
    out->day = (int)(in_year - (153 * month + 2) / 5 + 1);
    out->month = (int)(month < 10 ? month + 3 : month - 9);
    out->year = (int)(year + era * 400 + (out->month <= 2));
    out->weekday = (int)(days + 4 - 7 * floor_divide(days + 4, 7));
    out->julian = days + 40587;
}

static struct shown show(int64_t wall_ms, int zone)
{
    struct shown out = {.zone = zone};
    int64_t local = wall_ms + (int64_t)zone * MINUTE_MS;
    int64_t days = floor_divide(local, DAY_MS);
    int seconds = (int)((local - days * DAY_MS) / 1000);
    set_date(&out, days);
    out.hour = seconds / 3600;
    out.minute = seconds / 60 % 60;
    out.second = seconds % 60;
    return out;
}

/* "+0130" in minutes; NO_ZONE when it is none. */
static int zone_minutes(struct text zone)
{
    uint32_t number;
    if (zone.length != 5 || (zone.data[0] != '+' && zone.data[0] != '-') ||
        !text_to_u32(text_from_position(zone, 1), &number) || number % 100 > 59 || number > 2359)
        return NO_ZONE;
    int minutes = (int)(number / 100 * 60 + number % 100);
    return zone.data[0] == '-' ? -minutes : minutes;
}

/* The zone a date was written in; one that is named is taken for Greenwich's. */
static int original_zone(struct text date)
{
    struct text word;
    while (text_word(&date, &word)) {
        int minutes = zone_minutes(word);
        if (minutes != NO_ZONE)
            return minutes;
    }
    return 0;
}

static struct text zone_text(int minutes, struct arena *arena, const char *between)
{
    unsigned size = (unsigned)(minutes < 0 ? -minutes : minutes);
    return arena_printf(arena, "%c%02u%s%02u", minutes < 0 ? '-' : '+', size / 60, between,
                        size % 60);
}

static struct text std11(const struct shown *at, struct arena *arena)
{
    char text[MAIL_DATE_BYTES];
    int64_t local = (at->julian - 40587) * DAY_MS +
                    ((at->hour * 60 + at->minute) * 60 + at->second) * INT64_C(1000);
    struct text date = text_from(mail_date(local, text));
    return arena_printf(arena, "%.*s%.*s", (int)(date.length - 5), date.data,
                        TEXT_ARG(zone_text(at->zone, arena, "")));
}

/* RFC 5260 4.2. False: there is no such part. */
static bool date_part(const struct shown *at, struct text name, struct arena *arena,
                      struct text *out)
{
    struct text date = arena_printf(arena, "%04d-%02d-%02d", at->year, at->month, at->day);
    struct text time = arena_printf(arena, "%02d:%02d:%02d", at->hour, at->minute, at->second);
    const struct {
        const char *name;
        struct text value;
    } rows[] = {
        {"year", text_head(date, 4)},
        {"month", text_of(date.data + date.length - 5, 2)},
        {"day", text_of(date.data + date.length - 2, 2)},
        {"date", date},
        {"julian", arena_printf(arena, "%lld", (long long)at->julian)},
        {"hour", text_head(time, 2)},
        {"minute", text_of(time.data + 3, 2)},
        {"second", text_of(time.data + 6, 2)},
        {"time", time},
        {"iso8601", arena_printf(arena, "%.*sT%.*s%.*s", TEXT_ARG(date), TEXT_ARG(time),
                                 TEXT_ARG(zone_text(at->zone, arena, ":")))},
        {"std11", std11(at, arena)},
        {"zone", zone_text(at->zone, arena, "")},
        {"weekday", arena_printf(arena, "%d", at->weekday)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_equals_nocase(name, text_from(rows[i].name))) {
            *out = rows[i].value;
            return true;
        }
    return false;
}

static int wanted_zone(struct sieve_run *run, const struct sieve_node *node, struct text date)
{
    if (node_has(node, TAG_ORIGINALZONE))
        return original_zone(date);
    if (!node_has(node, TAG_ZONE))
        return run->world->zone_minutes;
    int minutes = zone_minutes(tag_text(run, node, TAG_ZONE));
    if (minutes == NO_ZONE)
        run_fail(run, node, "a zone is written like \"+0100\"");
    return minutes;
}

static bool match_date(struct matching *matching, int64_t wall_ms, int zone, struct text part)
{
    struct text value;
    struct shown at = show(wall_ms, zone);
    if (!date_part(&at, part, matching->run->arena, &value))
        return run_fail(matching->run, matching->node, "there is no such part of a date");
    return match_value(matching, value);
}

bool holds_date(struct sieve_run *run, const struct sieve_node *node)
{
    unsigned count;
    struct matching matching;
    struct text *values = fields_named(run, node, argument_text(run, node, 0), &count);
    struct text part = argument_text(run, node, 1);
    match_begin(&matching, run, node, &node->arguments[2]);
    if (count > 0) { /* of several the first, or the one that :index means */
        int64_t wall_ms;
        /* Some fields, as Received, end with a date behind a semicolon. */
        size_t semicolon = text_find_last(values[0], ';');
        struct text date = semicolon == values[0].length
                               ? values[0]
                               : text_from_position(values[0], semicolon + 1);
        if (mail_date_parse(text_trim(date), &wall_ms))
            match_date(&matching, wall_ms, wanted_zone(run, node, date), part);
    }
    return match_end(&matching);
}

bool holds_currentdate(struct sieve_run *run, const struct sieve_node *node)
{
    struct matching matching;
    match_begin(&matching, run, node, &node->arguments[1]);
    match_date(&matching, run->world->now_ms, wanted_zone(run, node, TEXT("")),
               argument_text(run, node, 0));
    return match_end(&matching);
}
