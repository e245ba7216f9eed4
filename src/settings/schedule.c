/* Types of values: when mail is let go. */
#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"
#include "settings/number.h"
#include "settings/parser.h"
#include "settings/types.h"

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
enum { DAYS = sizeof(days) / sizeof(*days) };

static bool refuse(struct setting_reader *in, struct text word)
{
    struct text shown = setting_shown(word);
    return setting_reader_error(
        in, TEXT("write it like: mon-fri 07:00-20:00 every 15m, or at 23:00; or always, or never"),
        "'%.*s' is no value of %s", TEXT_ARG(shown), setting_reader_where(in));
}

static bool day_of(struct text word, unsigned *day)
{
    for (*day = 0; *day < DAYS; (*day)++)
        if (text_equals_nocase(word, text_from(days[*day])))
            return true;
    return false;
}

/* "mon", "mon-fri", "sat-mon", "mon,wed". */
static bool days_of(struct text word, uint8_t *mask)
{
    struct text part;
    *mask = 0;
    while (text_split(&word, ',', &part)) {
        unsigned first, last;
        if (!day_of(text_before(part, '-'), &first))
            return false;
        last = first;
        if (text_find(part, '-') < part.length && !day_of(text_after(part, '-'), &last))
            return false;
        for (unsigned day = first;; day = (day + 1) % DAYS) {
            *mask |= (uint8_t)(1u << day);
            if (day == last)
                break;
        }
    }
    return *mask != 0;
}

/* "07:30"; 24:00 is the end of the day. */
static bool minute_of(struct text word, uint16_t *minute)
{
    uint32_t hours, minutes;
    struct text end = text_after(word, ':');
    if (end.length != 2 || !text_to_u32(text_before(word, ':'), &hours) ||
        !text_to_u32(end, &minutes) || minutes > 59 || hours * 60 + minutes > SETTING_DAY_MINUTES)
        return false;
    *minute = (uint16_t)(hours * 60 + minutes);
    return true;
}

static bool span_of(struct text word, struct setting_window *window)
{
    return text_find(word, '-') < word.length && minute_of(text_before(word, '-'), &window->from) &&
           minute_of(text_after(word, '-'), &window->to) && window->from != window->to &&
           window->from < SETTING_DAY_MINUTES;
}

static bool read_every(struct setting_reader *in, struct setting_window *window)
{
    uint64_t every_ms;
    struct text word = in->words.words[in->next++].text;
    if (!setting_number_read(SETTING_TIME, word, &every_ms) || every_ms < MINUTE ||
        every_ms > DAY || every_ms % MINUTE != 0)
        return setting_reader_error(in, TEXT("write it like 15m, from 1m to 1d"),
                                    "'%.*s' is no time between connections",
                                    TEXT_ARG(setting_shown(word)));
    window->every = (uint16_t)(every_ms / MINUTE);
    return true;
}

static const struct setting_word *take(struct setting_reader *in, const char *keyword)
{
    const struct setting_word *word = setting_reader_peek(in);
    if (word == NULL || (keyword != NULL && !setting_word_is(word, keyword)))
        return NULL;
    in->next++;
    return word;
}

/* `at 23:00`: once, at that minute. */
static bool read_at(struct setting_reader *in, struct setting_window *window)
{
    const struct setting_word *word = take(in, NULL);
    if (word == NULL || !minute_of(word->text, &window->from) ||
        window->from >= SETTING_DAY_MINUTES)
        return refuse(in, in->words.words[in->next - 1].text);
    window->to = (uint16_t)(window->from + 1);
    window->every = SETTING_DAY_MINUTES;
    return true;
}

/* `[DAYS] [HH:MM-HH:MM] [every TIME]` or `[DAYS] at HH:MM`; at least one of its parts. */
static bool read_window(struct setting_reader *in, struct setting_window *window)
{
    unsigned first = in->next;
    *window = (struct setting_window){.days = SETTING_DAYS_ALL, .to = SETTING_DAY_MINUTES};
    const struct setting_word *word = setting_reader_peek(in);
    if (word != NULL && days_of(word->text, &window->days))
        in->next++;
    else
        window->days = SETTING_DAYS_ALL;
    if (take(in, "at") != NULL)
        return read_at(in, window);
    word = setting_reader_peek(in);
    if (word != NULL && span_of(word->text, window)) {
        in->next++;
    } else {
        window->from = 0;
        window->to = SETTING_DAY_MINUTES;
    }
    if (take(in, "every") != NULL)
        return setting_reader_peek(in) != NULL ? read_every(in, window) : refuse(in, TEXT("every"));
    if (in->next > first)
        return true;
    return refuse(in, in->words.words[in->next++].text);
}

static bool parse_schedule(struct setting_reader *in, void *value)
{
    struct setting_schedule *schedule = value;
    if (take(in, "always") != NULL) {
        schedule->is_set = false;
        return true;
    }
    schedule->is_set = true;
    if (take(in, "never") != NULL)
        return true;
    schedule->windows =
        arena_array(&in->parser->object->arena, SETTING_WINDOWS_MAX, sizeof(*schedule->windows));
    do {
        if (schedule->window_count == SETTING_WINDOWS_MAX)
            return setting_reader_error(in, TEXT(""), "%s has more than %d times",
                                        setting_reader_where(in), SETTING_WINDOWS_MAX);
        if (!read_window(in, &schedule->windows[schedule->window_count++]))
            return false;
    } while (setting_reader_peek(in) != NULL);
    return true;
}

static void write_days(uint8_t mask, struct buffer *out)
{
    const char *comma = "";
    for (unsigned day = 0; day < DAYS && mask != SETTING_DAYS_ALL; day++) {
        if ((mask >> day & 1) == 0)
            continue;
        buffer_printf(out, "%s%s", comma, days[day]);
        comma = ",";
    }
    if (*comma != '\0')
        buffer_append_byte(out, ' ');
}

static void write_window(const struct setting_window *window, struct buffer *out)
{
    write_days(window->days, out);
    if (window->every == SETTING_DAY_MINUTES && window->to == window->from + 1) {
        buffer_printf(out, "at %02u:%02u", window->from / 60, window->from % 60);
        return;
    }
    buffer_printf(out, "%02u:%02u-%02u:%02u", window->from / 60, window->from % 60, window->to / 60,
                  window->to % 60);
    if (window->every > 0)
        buffer_printf(out, " every %um", window->every);
}

static void write_schedule(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_schedule *schedule = value;
    unused(row);
    if (!schedule->is_set)
        buffer_append(out, TEXT("always"));
    else if (schedule->window_count == 0)
        buffer_append(out, TEXT("never"));
    for (unsigned i = 0; i < schedule->window_count; i++) {
        if (i > 0)
            buffer_append_byte(out, ' ');
        write_window(&schedule->windows[i], out);
    }
}

/* `oversize > SIZE send SCHEDULE`. */
static bool parse_oversize(struct setting_reader *in, void *value)
{
    struct setting_connector *connector = value;
    const struct setting_word *word = take(in, NULL);
    struct text size = text_from_position(word->text, 1);
    bool good = text_starts_with(word->text, TEXT(">"));
    if (good && text_is_empty(size) && (word = take(in, NULL)) != NULL)
        size = word->text;
    good = good && setting_number_read(SETTING_SIZE, size, &connector->oversize_bytes) &&
           connector->oversize_bytes > 0 && take(in, "send") != NULL &&
           setting_reader_peek(in) != NULL;
    if (!good)
        return setting_reader_error(in, TEXT("write it like: oversize > 10MB send 01:00-05:00"),
                                    "%s is not understood", setting_reader_where(in));
    /* `send at 01:00-05:00` reads well, too. */
    if (in->next + 1 < in->words.count && setting_word_is(setting_reader_peek(in), "at") &&
        text_find(in->words.words[in->next + 1].text, '-') <
            in->words.words[in->next + 1].text.length)
        in->next++;
    return parse_schedule(in, &connector->oversize);
}

static void write_oversize(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_connector *connector = value;
    if (connector->oversize_bytes == 0)
        return;
    buffer_append(out, TEXT("> "));
    setting_number_write(SETTING_SIZE, connector->oversize_bytes, out);
    buffer_append(out, TEXT(" send "));
    write_schedule(row, &connector->oversize, out);
}

const struct setting_type setting_type_schedule = {
    .syntax = "always | never | [DAYS] [HH:MM-HH:MM] [every TIME] ... | [DAYS] at HH:MM ...",
    .parse = parse_schedule,
    .write = write_schedule};
const struct setting_type setting_type_oversize = {
    .syntax = "> SIZE send SCHEDULE", .parse = parse_oversize, .write = write_oversize};
