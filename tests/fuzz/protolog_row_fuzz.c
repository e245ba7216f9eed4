/* Rows of protocol logs: what is decoded encodes to the same bytes, and whatever a row has in it,
 * it is one line in each format, of printable ASCII, bounded, with as many fields as any other. */
#include <stdint.h>

#include "base/check.h"
#include "protolog/format.h"
#include "settings/server.h"

enum { ALL_FIELDS = (1 << PROTOLOG_FIELDS) - 1 };

static unsigned count_of(struct text line, char wanted)
{
    unsigned count = 0;
    for (size_t i = 0; i < line.length; i++)
        count += line.data[i] == wanted;
    return count;
}

/* Of NCSA: those between the quotes stand for nothing. */
static unsigned spaces_outside_quotes(struct text line)
{
    unsigned count = 0;
    bool is_inside = false;
    for (size_t i = 0; i < line.length; i++) {
        is_inside ^= line.data[i] == '"';
        count += !is_inside && line.data[i] == ' ';
    }
    return count;
}

static void check_fields(enum protolog_format format, uint32_t fields, struct text line)
{
    if (format == PROTOLOG_W3C)
        check(count_of(line, ' ') + 1 == (unsigned)__builtin_popcount(fields));
    else if (format == PROTOLOG_IIS)
        check(count_of(line, ',') == 15);
    else
        check(count_of(line, '"') == 2 && spaces_outside_quotes(line) == 7);
}

static void check_line(enum protolog_format format, uint32_t fields, const struct protolog_row *row)
{
    const struct setting_log log = {.form = {.format = format}, .fields = fields};
    const struct protolog_site site = {&log, TEXT("SMTPSVC1"), TEXT("mx")};
    struct buffer out;
    buffer_init(&out, PROTOLOG_LINE_MAX);
    protolog_write_row(&site, row, &out);
    struct text line = buffer_text(&out);
    check(!out.overflowed && line.length > 1);
    check(text_find(line, '\n') == line.length - 1);
    line.length--;
    check(line.data[0] != '#');
    for (size_t i = 0; i < line.length; i++)
        check(line.data[i] >= ' ' && line.data[i] <= '~');
    check_fields(format, fields, line);
    buffer_finish(&out);
}

static void check_row(const struct protolog_row *row)
{
    check_line(PROTOLOG_W3C, ALL_FIELDS, row);
    check_line(PROTOLOG_W3C, UINT32_C(1) << PROTOLOG_CS_METHOD, row);
    check_line(PROTOLOG_W3C, UINT32_C(1) << PROTOLOG_CS_USERNAME, row);
    check_line(PROTOLOG_IIS, 0, row);
    check_line(PROTOLOG_NCSA, 0, row);
}

static void check_encoded(struct text bytes)
{
    struct wire_reader in = wire_reader_of(bytes);
    struct protolog_row row;
    struct text before = in.rest;
    while (protolog_row_decode(&in, &row)) {
        struct buffer again;
        buffer_init(&again, PROTOLOG_ROW_MAX);
        protolog_row_encode(&row, &again);
        check(text_equals(buffer_text(&again), text_head(before, before.length - in.rest.length)));
        buffer_finish(&again);
        check_row(&row);
        before = in.rest;
    }
    check(in.bad || text_is_empty(in.rest));
}

/* The same bytes as what a client says: texts parted by NUL, cut to what a row may have. */
static void check_said(struct text bytes)
{
    struct protolog_row row = {.kind = bytes.length % PROTOLOG_KINDS};
    struct text *const texts[] = {&row.verb, &row.arguments, &row.user, &row.status, &row.peer};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (!text_split(&bytes, '\0', texts[i]))
            break;
    struct buffer cut;
    struct protolog_row read;
    buffer_init(&cut, PROTOLOG_ROW_MAX);
    protolog_row_encode(&row, &cut);
    struct wire_reader in = wire_reader_of(buffer_text(&cut));
    check(!cut.overflowed && protolog_row_decode(&in, &read));
    check_row(&read);
    buffer_finish(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_encoded(text_of(data, size));
    check_said(text_of(data, size));
    return 0;
}
