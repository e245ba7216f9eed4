/* The words of `log`, in and outside of servers. */
#include "settings/protolog.h"

#include "base/check.h"
#include "settings/number.h"
#include "settings/parser.h"
#include "settings/types.h"

static const char *const formats[] = {"off", "w3c", "iis", "ncsa"};
static const char *const schedules[] = {"hourly", "daily", "weekly", "monthly", "unlimited"};
enum { FORMATS = sizeof(formats) / sizeof(*formats), SCHEDULES = PROTOLOG_BY_SIZE };

const char *const protolog_zones[] = {"utc", "local", NULL};

const char *const protolog_field_names[PROTOLOG_FIELDS + 2] = {
    [PROTOLOG_DATE] = "date",
    [PROTOLOG_TIME] = "time",
    [PROTOLOG_C_IP] = "c-ip",
    [PROTOLOG_CS_USERNAME] = "cs-username",
    [PROTOLOG_S_SITENAME] = "s-sitename",
    [PROTOLOG_S_COMPUTERNAME] = "s-computername",
    [PROTOLOG_S_IP] = "s-ip",
    [PROTOLOG_S_PORT] = "s-port",
    [PROTOLOG_CS_METHOD] = "cs-method",
    [PROTOLOG_CS_URI_STEM] = "cs-uri-stem",
    [PROTOLOG_CS_URI_QUERY] = "cs-uri-query",
    [PROTOLOG_SC_STATUS] = "sc-status",
    [PROTOLOG_SC_WIN32_STATUS] = "sc-win32-status",
    [PROTOLOG_SC_BYTES] = "sc-bytes",
    [PROTOLOG_CS_BYTES] = "cs-bytes",
    [PROTOLOG_TIME_TAKEN] = "time-taken",
    [PROTOLOG_CS_VERSION] = "cs-version",
    [PROTOLOG_CS_HOST] = "cs-host",
    [PROTOLOG_CS_USER_AGENT] = "cs(User-Agent)",
    [PROTOLOG_CS_COOKIE] = "cs(Cookie)",
    [PROTOLOG_CS_REFERER] = "cs(Referer)",
    [PROTOLOG_ALL_FIELDS] = "all",
};

static bool refuse(struct setting_reader *in, struct text word)
{
    return setting_reader_no_value(in, word,
                                   "write off, or w3c, iis or ncsa, and behind it hourly, daily, "
                                   "weekly, monthly, unlimited or a size from 64KB");
}

static unsigned place_of(struct text word, const char *const *words, unsigned count)
{
    unsigned place = 0;
    while (place < count && !text_equals(word, text_from(words[place])))
        place++;
    return place;
}

/* FORMAT [SCHEDULE|SIZE]; daily when nothing is said. */
static bool parse_form(struct setting_reader *in, void *value)
{
    struct setting_log_form *form = value;
    struct text word = setting_reader_take(in);
    unsigned format = place_of(word, formats, FORMATS);
    if (format == FORMATS)
        return refuse(in, word);
    *form = (struct setting_log_form){.format = format, .every = PROTOLOG_DAILY};
    if (setting_reader_peek(in) == NULL || setting_reader_at_clause(in))
        return true;
    word = setting_reader_take(in);
    form->every = place_of(word, schedules, SCHEDULES);
    if (form->every < PROTOLOG_BY_SIZE)
        return true;
    bool good = setting_number_read(SETTING_SIZE, word, &form->most_bytes) &&
                form->most_bytes >= in->row->low && form->most_bytes <= in->row->high;
    return good || refuse(in, word);
}

static void write_form(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_log_form *form = value;
    unused(row);
    buffer_append(out, text_from(formats[form->format]));
    if (form->format == PROTOLOG_OFF)
        return;
    buffer_append_byte(out, ' ');
    if (form->every == PROTOLOG_BY_SIZE)
        setting_number_write(SETTING_SIZE, form->most_bytes, out);
    else
        buffer_append(out, text_from(schedules[form->every]));
}

const struct setting_type setting_type_log = {
    .syntax = "off|w3c|iis|ncsa [hourly|daily|weekly|monthly|unlimited|SIZE]",
    .parse = parse_form,
    .write = write_form};
