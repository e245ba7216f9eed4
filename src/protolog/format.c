/* W3C extended log file format (W3C WD-logfile-960323), and the formats of IIS and NCSA as its
 * servers write them for SMTP. */
#include "protolog/format.h"

#include <time.h>

#include "base/clock.h"
#include "settings/server.h"

/* How a value is kept from being anything else. */
enum style {
    IN_WORDS,  /* parted by spaces: a space is written as '+' */
    IN_COMMAS, /* parted by commas */
    IN_QUOTES, /* as IN_WORDS, in lines with quotes */
};

static bool must_escape(unsigned char byte, enum style style, bool is_first)
{
    if (byte < ' ' || byte >= 127)
        return true;
    if (is_first && byte == '#') /* a directive, where it begins the line */
        return true;
    return (style == IN_COMMAS && byte == ',') || (style == IN_QUOTES && byte == '"');
}

static void put_value(struct buffer *out, struct text value, enum style style)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t from = 0; /* what is not written yet, and stands as it is */
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        bool is_space = byte == ' ' && style != IN_COMMAS;
        if (!is_space && !must_escape(byte, style, i == 0))
            continue;
        buffer_append(out, text_of(value.data + from, i - from));
        if (is_space)
            buffer_append_byte(out, '+');
        else
            buffer_append(out, text_of((char[]){'%', hex[byte >> 4], hex[byte & 15]}, 3));
        from = i + 1;
    }
    buffer_append(out, text_from_position(value, from));
}

/* What is empty must still be a field. */
static void put_field(struct buffer *out, struct text value, enum style style)
{
    put_value(out, text_is_empty(value) ? TEXT("-") : value, style);
}

static void put_number(struct buffer *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    buffer_append(out, text_of(digits + at, sizeof(digits) - at));
}

static void put_two(struct buffer *out, int number)
{
    buffer_append(out,
                  text_of((char[]){(char)('0' + number / 10 % 10), (char)('0' + number % 10)}, 2));
}

/* The services */

static const struct {
    const char *site, *version;
} services[] = {
    [SERVICE_SMTP] = {"SMTPSVC", "SMTP"},          [SERVICE_SUBMISSION] = {"SMTPSVC", "SMTP"},
    [SERVICE_SMTPS] = {"SMTPSVC", "SMTP"},         [SERVICE_LMTP] = {"SMTPSVC", "LMTP"},
    [SERVICE_POP3] = {"POP3SVC", "POP3"},          [SERVICE_POP3S] = {"POP3SVC", "POP3"},
    [SERVICE_IMAP] = {"IMAP4SVC", "IMAP4"},        [SERVICE_IMAPS] = {"IMAP4SVC", "IMAP4"},
    [SERVICE_ODMR] = {"SMTPSVC", "SMTP"},          [SERVICE_FETCHED] = {"SMTPSVC", "SMTP"},
    [SERVICE_MANAGESIEVE] = {"SIEVESVC", "SIEVE"}, [SERVICE_LINK_STATE] = {"SMTPSVC", "SMTP"},
};

void protolog_site_name(uint8_t service, struct text server, struct buffer *out)
{
    buffer_append(out, text_from(services[service].site));
    buffer_append(out, server);
}

/* A line being written. */
struct line {
    const struct protolog_site *site;
    const struct protolog_row *row;
    struct tm time; /* by the log's own time */
    int east_minutes;
    struct buffer *out;
};

static struct tm time_in(const struct setting_log *log, int64_t wall_ms, int *east_minutes)
{
    int64_t east_ms = log->is_local ? clock_local_east_ms(wall_ms) : 0;
    time_t seconds = (time_t)((wall_ms + east_ms) / SECOND);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    *east_minutes = (int)(east_ms / MINUTE);
    return parts;
}

static void put_date(struct buffer *out, const struct tm *time)
{
    put_number(out, (uint64_t)time->tm_year + 1900);
    buffer_append_byte(out, '-');
    put_two(out, time->tm_mon + 1);
    buffer_append_byte(out, '-');
    put_two(out, time->tm_mday);
}

static void put_time(struct buffer *out, const struct tm *time)
{
    put_two(out, time->tm_hour);
    buffer_append_byte(out, ':');
    put_two(out, time->tm_min);
    buffer_append_byte(out, ':');
    put_two(out, time->tm_sec);
}

/* W3C */

static void w3c_date(const struct line *line)
{
    put_date(line->out, &line->time);
}

static void w3c_time(const struct line *line)
{
    put_time(line->out, &line->time);
}

static struct text user_of(const struct protolog_row *row)
{
    static const char *const ours[PROTOLOG_KINDS] = {
        [PROTOLOG_COMMAND] = "OutboundConnectionCommand",
        [PROTOLOG_RESPONSE] = "OutboundConnectionResponse",
    };
    return ours[row->kind] != NULL ? text_from(ours[row->kind]) : row->user;
}

static void w3c_peer(const struct line *line)
{
    put_field(line->out, line->row->peer, IN_WORDS);
}

static void w3c_user(const struct line *line)
{
    put_field(line->out, user_of(line->row), IN_WORDS);
}

static void w3c_site(const struct line *line)
{
    put_field(line->out, line->site->name, IN_WORDS);
}

static void w3c_computer(const struct line *line)
{
    put_field(line->out, line->site->computer, IN_WORDS);
}

static void w3c_address(const struct line *line)
{
    put_field(line->out, line->row->address, IN_WORDS);
}

static void w3c_port(const struct line *line)
{
    put_number(line->out, line->row->port);
}

static void w3c_method(const struct line *line)
{
    put_field(line->out, line->row->verb, IN_WORDS);
}

/* A client's arguments stand behind the space that parts them from the verb. */
static void w3c_query(const struct line *line)
{
    const struct protolog_row *row = line->row;
    if (row->kind == PROTOLOG_INBOUND && !text_is_empty(row->arguments))
        buffer_append_byte(line->out, '+');
    put_field(line->out, row->arguments, IN_WORDS);
}

static struct text status_of(const struct protolog_row *row)
{
    return text_is_empty(row->status) ? TEXT("0") : row->status;
}

static void w3c_status(const struct line *line)
{
    put_field(line->out, status_of(line->row), IN_WORDS);
}

static void w3c_zero(const struct line *line)
{
    buffer_append_byte(line->out, '0');
}

static void w3c_none(const struct line *line)
{
    buffer_append_byte(line->out, '-');
}

static void w3c_sent(const struct line *line)
{
    put_number(line->out, line->row->sent);
}

static void w3c_received(const struct line *line)
{
    put_number(line->out, line->row->received);
}

static void w3c_took(const struct line *line)
{
    put_number(line->out, line->row->took_ms);
}

static void w3c_version(const struct line *line)
{
    buffer_append(line->out, text_from(services[line->row->service].version));
}

static void (*const w3c_fields[PROTOLOG_FIELDS])(const struct line *line) = {
    [PROTOLOG_DATE] = w3c_date,
    [PROTOLOG_TIME] = w3c_time,
    [PROTOLOG_C_IP] = w3c_peer,
    [PROTOLOG_CS_USERNAME] = w3c_user,
    [PROTOLOG_S_SITENAME] = w3c_site,
    [PROTOLOG_S_COMPUTERNAME] = w3c_computer,
    [PROTOLOG_S_IP] = w3c_address,
    [PROTOLOG_S_PORT] = w3c_port,
    [PROTOLOG_CS_METHOD] = w3c_method,
    [PROTOLOG_CS_URI_STEM] = w3c_none,
    [PROTOLOG_CS_URI_QUERY] = w3c_query,
    [PROTOLOG_SC_STATUS] = w3c_status,
    [PROTOLOG_SC_WIN32_STATUS] = w3c_zero,
    [PROTOLOG_SC_BYTES] = w3c_sent,
    [PROTOLOG_CS_BYTES] = w3c_received,
    [PROTOLOG_TIME_TAKEN] = w3c_took,
    [PROTOLOG_CS_VERSION] = w3c_version,
    [PROTOLOG_CS_HOST] = w3c_none,
    [PROTOLOG_CS_USER_AGENT] = w3c_none,
    [PROTOLOG_CS_COOKIE] = w3c_none,
    [PROTOLOG_CS_REFERER] = w3c_none,
};

static bool has_field(const struct setting_log *log, enum protolog_field field)
{
    return (log->fields & (UINT32_C(1) << field)) != 0;
}

static void w3c_row(const struct line *line)
{
    bool is_first = true;
    for (enum protolog_field field = 0; field < PROTOLOG_FIELDS; field++) {
        if (!has_field(line->site->log, field))
            continue;
        if (!is_first)
            buffer_append_byte(line->out, ' ');
        w3c_fields[field](line);
        is_first = false;
    }
}

static void w3c_header(const struct setting_log *log, const struct tm *time, struct buffer *out)
{
    buffer_append(out, TEXT("#Software: mailroot\n#Version: 1.0\n#Date: "));
    put_date(out, time);
    buffer_append_byte(out, ' ');
    put_time(out, time);
    buffer_append(out, TEXT("\n#Fields:"));
    for (enum protolog_field field = 0; field < PROTOLOG_FIELDS; field++)
        if (has_field(log, field))
            buffer_printf(out, " %s", protolog_field_names[field]);
    buffer_append_byte(out, '\n');
}

/* IIS and NCSA: both write a keyword that belongs to the verb with it. */

struct operation {
    struct text verb, keyword; /* "MAIL", " FROM" */
};

static struct operation operation_of(const struct protolog_row *row)
{
    static const struct {
        const char *verb, *begins, *keyword;
    } known[] = {{"MAIL", "FROM:", " FROM"}, {"RCPT", "TO:", " TO"}};
    struct operation operation = {.verb = row->verb};
    for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (text_equals_nocase(row->verb, text_from(known[i].verb)) &&
            text_starts_with_nocase(row->arguments, text_from(known[i].begins)))
            operation.keyword = text_from(known[i].keyword);
    return operation;
}

static void next_comma(struct buffer *out)
{
    buffer_append(out, TEXT(", "));
}

static void iis_texts(const struct line *line, const struct text *texts, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put_field(line->out, texts[i], IN_COMMAS);
        next_comma(line->out);
    }
}

static void iis_row(const struct line *line)
{
    const struct protolog_row *row = line->row;
    struct buffer *out = line->out;
    const struct text who[] = {row->peer, user_of(row)};
    const struct text where[] = {line->site->name, line->site->computer, row->address};
    iis_texts(line, who, 2);
    put_number(out, (uint64_t)line->time.tm_mon + 1);
    buffer_append_byte(out, '/');
    put_number(out, (uint64_t)line->time.tm_mday);
    buffer_append_byte(out, '/');
    put_two(out, line->time.tm_year % 100);
    next_comma(out);
    put_time(out, &line->time);
    next_comma(out);
    iis_texts(line, where, 3);
    const uint64_t numbers[] = {row->took_ms, row->received, row->sent};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        put_number(out, numbers[i]);
        next_comma(out);
    }
    put_field(out, status_of(row), IN_COMMAS);
    buffer_append(out, TEXT(", 0, "));
    struct operation operation = operation_of(row);
    put_field(out, operation.verb, IN_COMMAS);
    buffer_append(out, operation.keyword);
    buffer_append(out, TEXT(", -, "));
    put_field(out, row->arguments, IN_COMMAS);
    buffer_append_byte(out, ',');
}

static void ncsa_time(const struct line *line)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct buffer *out = line->out;
    int east = line->east_minutes < 0 ? -line->east_minutes : line->east_minutes;
    buffer_append(out, TEXT(" ["));
    put_two(out, line->time.tm_mday);
    buffer_append_byte(out, '/');
    buffer_append(out, text_from(months[line->time.tm_mon]));
    buffer_append_byte(out, '/');
    put_number(out, (uint64_t)line->time.tm_year + 1900);
    buffer_append_byte(out, ':');
    put_time(out, &line->time);
    buffer_append(out, line->east_minutes < 0 ? TEXT(" -") : TEXT(" +"));
    put_two(out, east / 60);
    put_two(out, east % 60);
    buffer_append(out, TEXT("] "));
}

static void ncsa_row(const struct line *line)
{
    const struct protolog_row *row = line->row;
    struct buffer *out = line->out;
    struct operation operation = operation_of(row);
    put_field(out, row->peer, IN_QUOTES);
    buffer_append(out, TEXT(" - "));
    put_field(out, user_of(row), IN_QUOTES);
    ncsa_time(line);
    buffer_append_byte(out, '"');
    put_field(out, operation.verb, IN_QUOTES);
    buffer_append(out, operation.keyword);
    buffer_append(out, TEXT(" -"));
    if (!text_is_empty(row->arguments))
        buffer_append(out, row->kind == PROTOLOG_INBOUND ? TEXT("?+") : TEXT("?"));
    put_value(out, row->arguments, IN_QUOTES);
    buffer_append_byte(out, ' ');
    w3c_version(line);
    buffer_append(out, TEXT("\" "));
    put_field(out, status_of(row), IN_QUOTES);
    buffer_append_byte(out, ' ');
    put_number(out, row->sent);
}

static void (*const write_rows[])(const struct line *line) = {
    [PROTOLOG_W3C] = w3c_row,
    [PROTOLOG_IIS] = iis_row,
    [PROTOLOG_NCSA] = ncsa_row,
};

void protolog_write_row(const struct protolog_site *site, const struct protolog_row *row,
                        struct buffer *out)
{
    struct line line = {.site = site, .row = row, .out = out};
    line.time = time_in(site->log, row->wall_ms, &line.east_minutes);
    write_rows[site->log->form.format](&line);
    buffer_append_byte(out, '\n');
}

void protolog_write_header(const struct setting_log *log, int64_t wall_ms, struct buffer *out)
{
    int east_minutes;
    struct tm time = time_in(log, wall_ms, &east_minutes);
    if (log->form.format == PROTOLOG_W3C)
        w3c_header(log, &time, out);
}

void protolog_write_remark(const struct setting_log *log, const char *words, struct buffer *out)
{
    if (log->form.format == PROTOLOG_W3C)
        buffer_printf(out, "#Remark: %s\n", words);
}
