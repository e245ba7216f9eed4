#include "account/absence.h"

#include "base/encoding.h"
#include "base/wire.h"
#include "store/value.h"

#define NAME TEXT("absence")

enum { FORM = 1, IS_ON = 1, ANSWERS_OUTSIDE = 2, BYTES_MAX = 2 * ABSENCE_TEXT_MAX + 4096 };

void absence_encode(const struct absence *absence, struct buffer *out)
{
    wire_put_u8(out, FORM);
    wire_put_u8(out, (uint8_t)((absence->is_on ? IS_ON : 0) |
                               (absence->answers_outside ? ANSWERS_OUTSIDE : 0)));
    wire_put_u64(out, (uint64_t)absence->from_ms);
    wire_put_u64(out, (uint64_t)absence->until_ms);
    wire_put_u64(out, (uint64_t)absence->set_ms);
    wire_put_u32(out, absence->days);
    wire_put_text(out, absence->subject);
    wire_put_text(out, absence->inside);
    wire_put_text(out, absence->outside);
}

bool absence_decode(struct text bytes, struct absence *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t form = wire_get_u8(&in), bits = wire_get_u8(&in);
    *out = (struct absence){.is_on = (bits & IS_ON) != 0,
                            .answers_outside = (bits & ANSWERS_OUTSIDE) != 0};
    out->from_ms = (int64_t)wire_get_u64(&in);
    out->until_ms = (int64_t)wire_get_u64(&in);
    out->set_ms = (int64_t)wire_get_u64(&in);
    out->days = wire_get_u32(&in);
    out->subject = wire_get_text(&in);
    out->inside = wire_get_text(&in);
    out->outside = wire_get_text(&in);
    return wire_end(&in) && form == FORM;
}

bool absence_is_value(struct text name)
{
    return text_equals(name, NAME);
}

bool absence_get(struct store *store, struct text user, struct arena *arena, struct absence *out)
{
    struct buffer value;
    buffer_init(&value, BYTES_MAX);
    bool found = value_get(store, user, NAME, &value) &&
                 absence_decode(arena_copy(arena, buffer_text(&value)), out);
    buffer_finish(&value);
    if (!found)
        *out = (struct absence){.answers_outside = true, .days = ABSENCE_DAYS};
    return found;
}

static bool has_control(struct text line)
{
    for (size_t i = 0; i < line.length; i++)
        if ((unsigned char)line.data[i] < ' ' || line.data[i] == 127)
            return true;
    return false;
}

static bool is_text(struct text text)
{
    return text.length <= ABSENCE_TEXT_MAX && utf8_is_valid(text) &&
           text_find(text, '\0') == text.length;
}

static enum status check_absence(const struct absence *absence)
{
    if (!is_text(absence->inside) || !is_text(absence->outside))
        return refused("a message is UTF-8 of at most %d bytes", ABSENCE_TEXT_MAX);
    if (absence->subject.length > ABSENCE_SUBJECT_MAX || !utf8_is_valid(absence->subject) ||
        has_control(absence->subject))
        return refused("a subject is one line of at most %d bytes", ABSENCE_SUBJECT_MAX);
    if (absence->is_on && text_is_empty(absence->inside) && text_is_empty(absence->outside))
        return refused("there is no message yet; mailroot user oof message ADDRESS FILE");
    if (absence->from_ms != 0 && absence->until_ms != 0 && absence->until_ms <= absence->from_ms)
        return refused("it ends before it begins");
    return OK;
}

enum status absence_set(struct store *store, struct text user, const struct absence *absence)
{
    struct buffer value;
    enum status status = check_absence(absence);
    if (status != OK)
        return status;
    buffer_init(&value, BYTES_MAX);
    absence_encode(absence, &value);
    status = value_set(store, user, NAME, buffer_text(&value));
    buffer_finish(&value);
    return status;
}

bool absence_is_now(const struct absence *absence, int64_t now_ms)
{
    return absence->is_on && (absence->from_ms == 0 || now_ms >= absence->from_ms) &&
           (absence->until_ms == 0 || now_ms < absence->until_ms);
}

/* A string of a script (RFC 5228 2.4.2). */
static void put_string(struct buffer *out, struct text text)
{
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        bool is_bare = byte == '\n' && (i == 0 || text.data[i - 1] != '\r');
        if (byte == '"' || byte == '\\' || is_bare)
            buffer_append_byte(out, is_bare ? '\r' : '\\');
        buffer_append_byte(out, byte);
    }
    buffer_append_byte(out, '"');
}

static void put_answer(struct buffer *out, const struct absence *absence, const char *to,
                       struct text text)
{
    buffer_printf(out, "  vacation :days %u :handle \"absence %s %lld\"\r\n    ", absence->days, to,
                  (long long)absence->set_ms);
    if (!text_is_empty(absence->subject)) {
        buffer_append(out, TEXT(":subject "));
        put_string(out, absence->subject);
        buffer_append(out, TEXT("\r\n    "));
    }
    put_string(out, text);
    buffer_append(out, TEXT(";\r\n"));
}

struct text absence_script(const struct absence *absence, struct text user, struct arena *arena)
{
    struct buffer out;
    struct text inside = text_is_empty(absence->inside) ? absence->outside : absence->inside;
    struct text outside = text_is_empty(absence->outside) ? absence->inside : absence->outside;
    buffer_init(&out, 2 * BYTES_MAX);
    buffer_append(&out, TEXT("require [\"vacation\", \"envelope\"];\r\n"
                             "if envelope :domain \"from\" "));
    put_string(&out, text_from_position(user, text_find_last(user, '@') + 1));
    buffer_append(&out, TEXT(" {\r\n"));
    put_answer(&out, absence, "inside", inside);
    if (absence->answers_outside) {
        buffer_append(&out, TEXT("} else {\r\n"));
        put_answer(&out, absence, "outside", outside);
    }
    buffer_append(&out, TEXT("}\r\n"));
    struct text script = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return script;
}
