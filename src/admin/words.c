#include "admin/words.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "settings/number.h"

enum status verb_take_option(struct admin_call *call, struct text name, struct text *value)
{
    *value = TEXT("");
    for (unsigned i = 0; i < call->count; i++) {
        if (!text_equals(call->words[i], name))
            continue;
        if (i + 1 == call->count)
            return refused("%.*s needs a value", TEXT_ARG(name));
        *value = call->words[i + 1];
        call->count -= 2;
        for (unsigned j = i; j < call->count; j++)
            call->words[j] = call->words[j + 2];
        return OK;
    }
    return OK;
}

bool verb_take_switch(struct admin_call *call, struct text name)
{
    for (unsigned i = 0; i < call->count; i++) {
        if (!text_equals(call->words[i], name))
            continue;
        call->count--;
        for (unsigned j = i; j < call->count; j++)
            call->words[j] = call->words[j + 1];
        return true;
    }
    return false;
}

static enum status take_number(struct admin_call *call, struct text name, enum setting_number kind,
                               uint64_t *number)
{
    struct text word;
    *number = 0;
    enum status status = verb_take_option(call, name, &word);
    if (status == OK && !text_is_empty(word) && !text_to_u64(word, number) &&
        !setting_number_read(kind, word, number))
        return refused("%.*s: '%.*s' is no number with a unit", TEXT_ARG(name), TEXT_ARG(word));
    return status;
}

enum status verb_take_size(struct admin_call *call, struct text name, uint64_t *bytes)
{
    return take_number(call, name, SETTING_SIZE, bytes);
}

enum status verb_take_time(struct admin_call *call, struct text name, uint64_t *milliseconds)
{
    return take_number(call, name, SETTING_TIME, milliseconds);
}

enum status verb_check_words(const struct admin_call *call, unsigned least, unsigned most,
                             const char *usage)
{
    for (unsigned i = 0; i < call->count; i++)
        if (text_starts_with(call->words[i], TEXT("--")))
            return refused("unknown option %.*s; usage: %s", TEXT_ARG(call->words[i]), usage);
    if (call->count < least || call->count > most)
        return refused("usage: %s", usage);
    return OK;
}

enum status verb_take_id(const struct admin_call *call, uint64_t *id)
{
    if (call->count == 0 || !id_parse(call->words[0], id))
        return refused("an id has 13 letters and digits, as `mailroot queue list` shows it");
    return OK;
}

void verb_json_field(struct buffer *out, const char *name, struct text value)
{
    buffer_printf(out, ",\"%s\":", name);
    admin_json_text(out, value);
}

void verb_time(struct buffer *out, int64_t wall_ms)
{
    char time[CLOCK_TEXT_BYTES];
    buffer_printf(out, "%s", wall_ms == 0 ? "-" : clock_rfc3339(wall_ms, time));
}

void verb_age(struct buffer *out, int64_t milliseconds)
{
    const struct {
        int64_t unit;
        char letter;
    } units[] = {{DAY, 'd'}, {HOUR, 'h'}, {MINUTE, 'm'}, {SECOND, 's'}};
    unsigned i = 0;
    while (i < 3 && milliseconds < units[i].unit * (i == 0 ? 2 : 1))
        i++;
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64 "%c", milliseconds / units[i].unit, units[i].letter);
    buffer_printf(out, "%5s", text);
}

void verb_clean(struct buffer *out, struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        buffer_append_byte(out, c < ' ' || c == 127 ? '?' : (char)c);
    }
}
