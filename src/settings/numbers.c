/* Types of values: numbers with and without units, and choices. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "settings/number.h"
#include "settings/parser.h"
#include "settings/types.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* From large to small, so that the first that divides a value is the one to write it with. */
static const struct unit size_units[] = {
    {"TB", UINT64_C(1) << 40},
    {"GB", UINT64_C(1) << 30},
    {"MB", UINT64_C(1) << 20},
    {"KB", UINT64_C(1) << 10},
    {"B", 1},
    {NULL, 0},
};
static const struct unit time_units[] = {
    {"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000},
    {"s", 1000},      {"ms", 1},       {NULL, 0},
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static void write_with_unit(uint64_t value, const struct unit *units, struct buffer *out)
{
    if (value == 0) {
        buffer_append_byte(out, '0');
        return;
    }
    while (value % units->factor != 0)
        units++;
    /* "14d" is what people write, not "2w". */
    if (strcmp(units->name, "w") == 0)
        units++;
    buffer_printf(out, "%" PRIu64 "%s", value / units->factor, units->name);
}

static void write_plain_bound(uint64_t bound, struct buffer *out)
{
    write_with_unit(bound, no_units, out);
}

static void write_size_bound(uint64_t bound, struct buffer *out)
{
    write_with_unit(bound, size_units, out);
}

static void write_time_bound(uint64_t bound, struct buffer *out)
{
    write_with_unit(bound, time_units, out);
}

static struct text bounds_text(struct setting_reader *in)
{
    struct buffer out;
    buffer_init(&out, 100);
    in->row->type->write_bound(in->row->low, &out);
    buffer_append(&out, TEXT(".."));
    in->row->type->write_bound(in->row->high, &out);
    struct text text = arena_copy(&in->parser->scratch, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

/* A number and its unit. Only 0 may go without. */
static bool to_number(struct text word, const struct unit *units, uint64_t *out)
{
    size_t digits = 0;
    while (digits < word.length && word.data[digits] >= '0' && word.data[digits] <= '9')
        digits++;
    if (!text_to_u64(text_head(word, digits), out))
        return false;
    struct text name = text_from_position(word, digits);
    if (name.length == 0 && *out == 0)
        return true;
    for (; units->name != NULL; units++) {
        if (text_equals(name, text_from(units->name)))
            return !__builtin_mul_overflow(*out, units->factor, out);
    }
    return false;
}

static const struct unit *units_of(enum setting_number kind)
{
    static const struct unit *const units[] = {
        [SETTING_COUNT] = no_units, [SETTING_SIZE] = size_units, [SETTING_TIME] = time_units};
    return units[kind];
}

bool setting_number_read(enum setting_number kind, struct text word, uint64_t *out)
{
    return to_number(word, units_of(kind), out);
}

void setting_number_write(enum setting_number kind, uint64_t value, struct buffer *out)
{
    write_with_unit(value, units_of(kind), out);
}

static bool parse_number(struct setting_reader *in, const struct unit *units, const char *example,
                         uint64_t *out)
{
    struct text word = in->words.words[in->next++].text;
    struct text shown = setting_shown(word);
    if (!to_number(word, units, out))
        return setting_reader_error(
            in, arena_printf(&in->parser->scratch, "write it like %s", example),
            "'%.*s' is no value of %s", TEXT_ARG(shown), setting_reader_where(in));
    if (*out < in->row->low || *out > in->row->high)
        return setting_reader_error(in, TEXT(""), "%s: %.*s is outside %.*s",
                                    setting_reader_where(in), TEXT_ARG(shown),
                                    TEXT_ARG(bounds_text(in)));
    return true;
}

static bool parse_count(struct setting_reader *in, void *value)
{
    uint64_t number;
    if (!parse_number(in, no_units, "100", &number))
        return false;
    *(uint32_t *)value = (uint32_t)number;
    return true;
}

static void write_count(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    buffer_printf(out, "%" PRIu32, *(const uint32_t *)value);
}

static bool parse_repeat(struct setting_reader *in, void *value)
{
    struct setting_word *word = &in->words.words[in->next];
    if (text_starts_with(word->text, TEXT("x")))
        word->text = text_from_position(word->text, 1);
    return parse_count(in, value);
}

static void write_repeat(const struct setting_row *row, const void *value, struct buffer *out)
{
    buffer_append_byte(out, 'x');
    write_count(row, value, out);
}

static bool parse_port(struct setting_reader *in, void *value)
{
    uint64_t number;
    if (!parse_number(in, no_units, "2525", &number))
        return false;
    *(uint16_t *)value = (uint16_t)number;
    return true;
}

static void write_port(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    buffer_printf(out, "%u", *(const uint16_t *)value);
}

static bool parse_size(struct setting_reader *in, void *value)
{
    return parse_number(in, size_units, "25MB", value);
}

static void write_size(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    write_with_unit(*(const uint64_t *)value, size_units, out);
}

static bool parse_cap(struct setting_reader *in, void *value)
{
    const struct setting_word *word = setting_reader_peek(in);
    if (word == NULL || !setting_word_is(word, "unlimited"))
        return parse_number(in, size_units, "25MB or unlimited", value);
    in->next++;
    *(uint64_t *)value = UINT64_MAX;
    return true;
}

static void write_cap(const struct setting_row *row, const void *value, struct buffer *out)
{
    if (*(const uint64_t *)value == UINT64_MAX)
        buffer_append(out, TEXT("unlimited"));
    else
        write_size(row, value, out);
}

static bool parse_time(struct setting_reader *in, void *value)
{
    uint64_t number;
    if (!parse_number(in, time_units, "90s, 10m, 2h or 30d", &number))
        return false;
    *(int64_t *)value = (int64_t)number;
    return true;
}

static void write_time(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    write_with_unit((uint64_t) * (const int64_t *)value, time_units, out);
}

static struct text choices_hint(struct setting_reader *in)
{
    struct buffer out;
    buffer_init(&out, 1024);
    for (unsigned i = 0; in->row->choices[i] != NULL; i++)
        buffer_printf(&out, "%s'%s'", i == 0 ? "write " : " or ", in->row->choices[i]);
    struct text hint = arena_copy(&in->parser->scratch, buffer_text(&out));
    buffer_finish(&out);
    return hint;
}

/* The index of the next word among the row's choices. */
static bool parse_index(struct setting_reader *in, bool (*equals)(struct text a, struct text b),
                        unsigned *index)
{
    const struct setting_word *word = &in->words.words[in->next++];
    for (*index = 0; in->row->choices[*index] != NULL; (*index)++) {
        if (equals(word->text, text_from(in->row->choices[*index])))
            return true;
    }
    struct text shown = setting_shown(word->text);
    return setting_reader_error(in, choices_hint(in), "'%.*s' is no value of %s", TEXT_ARG(shown),
                                setting_reader_where(in));
}

static bool parse_choice(struct setting_reader *in, void *value)
{
    unsigned index;
    if (!parse_index(in, text_equals, &index))
        return false;
    if (in->row->width == sizeof(bool))
        *(bool *)value = index != 0;
    else
        memcpy(value, &index, sizeof(index));
    return true;
}

static void write_choice(const struct setting_row *row, const void *value, struct buffer *out)
{
    unsigned index;
    if (row->width == sizeof(bool))
        index = *(const bool *)value;
    else
        memcpy(&index, value, sizeof(index));
    buffer_append(out, text_from(row->choices[index]));
}

/* Registered names have no case. */
static bool parse_charset(struct setting_reader *in, void *value)
{
    return parse_index(in, text_equals_nocase, value);
}

static bool parse_sandbox(struct setting_reader *in, void *value)
{
    struct settings *settings = value;
    unsigned index;
    if (!parse_index(in, text_equals, &index))
        return false;
    settings->sandbox_required = index == 0;
    settings->sandbox_off = index == 2;
    return true;
}

static void write_sandbox(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct settings *settings = value;
    unsigned index = settings->sandbox_required ? 0 : settings->sandbox_off ? 2 : 1;
    buffer_append(out, text_from(row->choices[index]));
}

static bool parse_by(struct setting_reader *in, void *value)
{
    unused(value);
    unsigned index;
    return parse_index(in, text_equals, &index);
}

static void write_by(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_connector *connector = value;
    if (connector->smart_host_count == 0)
        buffer_append(out, text_from(row->choices[0]));
}

const struct setting_type setting_type_count = {.syntax = "NUMBER",
                                                .parse = parse_count,
                                                .write = write_count,
                                                .write_bound = write_plain_bound};
const struct setting_type setting_type_repeat = {.syntax = "xNUMBER",
                                                 .parse = parse_repeat,
                                                 .write = write_repeat,
                                                 .write_bound = write_plain_bound};
const struct setting_type setting_type_port = {
    .syntax = "PORT", .parse = parse_port, .write = write_port, .write_bound = write_plain_bound};
const struct setting_type setting_type_size = {
    .syntax = "SIZE", .parse = parse_size, .write = write_size, .write_bound = write_size_bound};
const struct setting_type setting_type_cap = {.syntax = "SIZE|unlimited",
                                              .parse = parse_cap,
                                              .write = write_cap,
                                              .write_bound = write_size_bound};
const struct setting_type setting_type_time = {
    .syntax = "TIME", .parse = parse_time, .write = write_time, .write_bound = write_time_bound};
const struct setting_type setting_type_times = {.syntax = "TIME ...",
                                                .size = sizeof(int64_t),
                                                .list = true,
                                                .before_last = "then",
                                                .parse = parse_time,
                                                .write = write_time,
                                                .write_bound = write_time_bound};
const struct setting_type setting_type_charset = {
    .syntax = "CHARSET", .parse = parse_charset, .write = write_choice};
const struct setting_type setting_type_choice = {
    .syntax = NULL, .parse = parse_choice, .write = write_choice};
const struct setting_type setting_type_sandbox = {
    .syntax = NULL, .parse = parse_sandbox, .write = write_sandbox};
const struct setting_type setting_type_by = {.syntax = NULL, .parse = parse_by, .write = write_by};
