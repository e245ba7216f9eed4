/* Dates of RFC 5322 3.3 and 4.3, by arithmetic alone: no locale, no time zone of the machine. */
#include "mail/date.h"

#include <stdio.h>

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

enum { MOST_NESTED_COMMENTS = 16, DAYS_IN_400_YEARS = 146097, DAY_SECONDS = 86400 };

/* The calendar is counted from 1 March of year 0, so that the leap day ends the year. */
static const int64_t DAYS_TO_1970 = 719468;

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * DAYS_IN_400_YEARS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - DAYS_TO_1970;
}

struct calendar {
    int64_t year;
    int month, day;
};

static struct calendar calendar_of(int64_t days)
{
    days += DAYS_TO_1970;
    int64_t era = floor_divide(days, DAYS_IN_400_YEARS);
    int64_t day = days - era * DAYS_IN_400_YEARS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * year + year / 4 - year / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    return (struct calendar){.year = era * 400 + year + (month <= 2),
                             .month = month,
                             .day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1)};
}

const char *mail_date(int64_t wall_ms, char out[MAIL_DATE_BYTES])
{
    int64_t seconds = floor_divide(wall_ms, 1000);
    int64_t days = floor_divide(seconds, DAY_SECONDS);
    int in_day = (int)(seconds - days * DAY_SECONDS);
    struct calendar date = calendar_of(days);
    int64_t weekday = (days + 4) - floor_divide(days + 4, 7) * 7; /* 1970-01-01 was a Thursday */
    snprintf(out, MAIL_DATE_BYTES, "%s, %d %s %04lld %02d:%02d:%02d +0000", day_names[weekday],
             date.day, month_names[date.month - 1], (long long)date.year, in_day / 3600,
             in_day / 60 % 60, in_day % 60);
    return out;
}

const char *mail_date_imap(int64_t wall_ms, char out[MAIL_DATE_BYTES])
{
    int64_t seconds = floor_divide(wall_ms, 1000);
    int64_t days = floor_divide(seconds, DAY_SECONDS);
    int in_day = (int)(seconds - days * DAY_SECONDS);
    struct calendar date = calendar_of(days);
    snprintf(out, MAIL_DATE_BYTES, "%2d-%s-%04lld %02d:%02d:%02d +0000", date.day,
             month_names[date.month - 1], (long long)date.year, in_day / 3600, in_day / 60 % 60,
             in_day % 60);
    return out;
}

/* Skip white space, line ends and comments (RFC 5322 3.2.2). False at a comment that is not
 * closed or nested too deeply. */
static bool skip_blanks(struct text *rest)
{
    int depth = 0;
    size_t i = 0;
    for (; i < rest->length; i++) {
        char c = rest->data[i];
        if (c == '(' && ++depth > MOST_NESTED_COMMENTS)
            return false;
        if (c == '(' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (depth == 0)
            break;
        if (c == ')')
            depth--;
        else if (c == '\\')
            i++;
    }
    *rest = text_from_position(*rest, i);
    return depth == 0;
}

static bool take_byte(struct text *rest, char wanted)
{
    struct text at = *rest;
    if (!skip_blanks(&at) || at.length == 0 || at.data[0] != wanted)
        return false;
    *rest = text_from_position(at, 1);
    return true;
}

/* A number of least to most digits after blanks. */
static bool take_number(struct text *rest, size_t least, size_t most, int *value, size_t *digits)
{
    if (!skip_blanks(rest))
        return false;
    size_t length = 0;
    *value = 0;
    while (length < rest->length && rest->data[length] >= '0' && rest->data[length] <= '9') {
        if (++length > most)
            return false;
        *value = *value * 10 + (rest->data[length - 1] - '0');
    }
    *rest = text_from_position(*rest, length);
    if (digits != NULL)
        *digits = length;
    return length >= least;
}

static struct text take_letters(struct text *rest)
{
    size_t length = 0;
    if (!skip_blanks(rest))
        return TEXT("");
    while (length < rest->length && ((rest->data[length] | 32) >= 'a') &&
           ((rest->data[length] | 32) <= 'z'))
        length++;
    struct text letters = text_head(*rest, length);
    *rest = text_from_position(*rest, length);
    return letters;
}

static int name_index(struct text word, const char names[][4], int count)
{
    for (int i = 0; i < count; i++)
        if (text_equals_nocase(word, text_of(names[i], 3)))
            return i;
    return -1;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
    static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month_days[month - 1] + (month == 2 && is_leap(year));
}

static bool take_date(struct text *rest, int64_t *days)
{
    int day, year;
    size_t digits;
    if (!take_number(rest, 1, 2, &day, NULL))
        return false;
    int month = name_index(take_letters(rest), month_names, 12);
    if (month < 0 || !take_number(rest, 2, 4, &year, &digits))
        return false;
    /* RFC 5322 4.3: two digits below 50 are of this century, other short years count from 1900. */
    if (digits < 4)
        year += digits == 2 && year < 50 ? 2000 : 1900;
    if (year < 1900 || day < 1 || day > days_in(year, month + 1))
        return false;
    *days = days_of(year, month + 1, day);
    return true;
}

/* Hours and minutes, seconds if given; a leap second is the second after. */
static bool take_time(struct text *rest, int64_t *seconds)
{
    int hour, minute, second = 0;
    if (!take_number(rest, 1, 2, &hour, NULL) || !take_byte(rest, ':') ||
        !take_number(rest, 2, 2, &minute, NULL))
        return false;
    if (take_byte(rest, ':') && !take_number(rest, 2, 2, &second, NULL))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second <= 60;
}

/* RFC 5322 4.3: names other than these, military ones included, say nothing about the zone. */
static int64_t named_zone_seconds(struct text name)
{
    static const char names[8][4] = {"EDT", "EST", "CDT", "CST", "MDT", "MST", "PDT", "PST"};
    static const int hours[8] = {-4, -5, -5, -6, -6, -7, -7, -8};
    int index = name_index(name, names, 8);
    return index < 0 ? 0 : hours[index] * 3600;
}

/* A date without zone is taken as UTC. */
static bool take_zone(struct text *rest, int64_t *seconds)
{
    bool west = take_byte(rest, '-');
    *seconds = 0;
    if (!west && !take_byte(rest, '+')) {
        *seconds = named_zone_seconds(take_letters(rest));
        return true;
    }
    int value;
    if (!take_number(rest, 4, 4, &value, NULL) || value % 100 > 59)
        return false;
    *seconds = (value / 100 * 3600 + value % 100 * 60) * (west ? -1 : 1);
    return true;
}

bool mail_date_parse(struct text text, int64_t *wall_ms)
{
    int64_t days, seconds, zone;
    /* The day's name is not compared with the date: senders that get it wrong mean the date. */
    if (take_letters(&text).length > 0)
        take_byte(&text, ',');
    if (!take_date(&text, &days) || !take_time(&text, &seconds) || !take_zone(&text, &zone))
        return false;
    if (!skip_blanks(&text) || text.length > 0)
        return false;
    seconds += days * DAY_SECONDS - zone;
    *wall_ms = seconds * 1000;
    /* The zone may have moved it out of the years that four digits write. */
    return seconds >= days_of(1900, 1, 1) * DAY_SECONDS &&
           seconds < days_of(10000, 1, 1) * DAY_SECONDS;
}

/* Exactly so many digits, and the byte behind them (0: none). */
static bool take_digits(struct text *rest, size_t count, char behind, int *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (i >= rest->length || rest->data[i] < '0' || rest->data[i] > '9')
            return false;
        *value = *value * 10 + (rest->data[i] - '0');
    }
    *rest = text_from_position(*rest, count);
    if (behind == 0)
        return true;
    bool is_there = text_equals_nocase(text_head(*rest, 1), text_of(&behind, 1));
    *rest = text_from_position(*rest, 1);
    return is_there;
}

/* Digits behind a point, any number of them: more than milliseconds are dropped. */
static bool take_fraction(struct text *rest, int *milliseconds)
{
    *milliseconds = 0;
    if (rest->length == 0 || rest->data[0] != '.')
        return true;
    *rest = text_from_position(*rest, 1);
    int unit = 100, digit;
    size_t count = 0;
    for (; take_digits(rest, 1, 0, &digit); count++, unit /= 10)
        *milliseconds += digit * unit;
    return count > 0;
}

/* "Z", "+01:30"; *seconds is what the clock there is ahead of UTC. */
static bool take_offset(struct text rest, int64_t *seconds)
{
    int hours, minutes;
    *seconds = 0;
    if (text_equals_nocase(rest, TEXT("Z")))
        return true;
    bool is_west = text_starts_with(rest, TEXT("-"));
    if (!is_west && !text_starts_with(rest, TEXT("+")))
        return false;
    rest = text_from_position(rest, 1);
    if (!take_digits(&rest, 2, ':', &hours) || !take_digits(&rest, 2, 0, &minutes))
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
    return rest.length == 0 && hours < 24 && minutes < 60;
}

bool mail_date_parse_rfc3339(struct text text, int64_t *wall_ms)
{
    int year, month, day, hour, minute, second, milliseconds;
    int64_t ahead;
    if (!take_digits(&text, 4, '-', &year) || !take_digits(&text, 2, '-', &month) ||
        !take_digits(&text, 2, 'T', &day) || !take_digits(&text, 2, ':', &hour) ||
        !take_digits(&text, 2, ':', &minute) || !take_digits(&text, 2, 0, &second) ||
        !take_fraction(&text, &milliseconds) || !take_offset(text, &ahead))
        return false;
    if (year < 1900 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
        hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t seconds = days_of(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    *wall_ms = (seconds - ahead) * 1000 + milliseconds;
    return true;
}
