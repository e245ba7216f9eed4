#include "mail/column.h"

#include "base/check.h"
#include "base/wire.h"

/* A column: the version; a table, which says of each text how far its member is from the one before
 * and how long it is, one more, or 0 where it is not here; and the texts themselves, in a row. */
enum { VERSION = 1, ROW_BYTES = 4 };

void column_init(struct column *column)
{
    *column = (struct column){.last = 0};
    buffer_init(&column->table, ROW_BYTES * COLUMN_ROWS_MAX);
    buffer_init(&column->texts, COLUMN_BYTES_MAX);
}

void column_finish(struct column *column)
{
    buffer_finish(&column->table);
    buffer_finish(&column->texts);
}

static void put_row(struct column *column, unsigned member, size_t length)
{
    check(member >= column->last && member < BLOCK_MEMBERS);
    wire_put_u16(&column->table, (uint16_t)(member - column->last));
    wire_put_u16(&column->table, (uint16_t)length);
    column->rows++;
    column->last = member;
}

/* There is always room to say so, and saying it once is enough. */
void column_skip(struct column *column, unsigned member)
{
    if (column->skipped == member + 1)
        return;
    column->skipped = member + 1;
    put_row(column, member, 0);
}

void column_add(struct column *column, unsigned member, struct text text)
{
    bool fits = text.length <= COLUMN_TEXT_MAX &&
                column->texts.length + text.length <= COLUMN_BYTES_MAX &&
                column->rows < COLUMN_ROWS_MAX - BLOCK_MEMBERS;
    if (!fits) {
        column_skip(column, member);
        return;
    }
    buffer_append(&column->texts, text);
    put_row(column, member, text.length + 1);
}

void column_encode(const struct column *column, struct buffer *out)
{
    wire_put_u8(out, VERSION);
    wire_put_text(out, buffer_text(&column->table));
    buffer_append(out, buffer_text(&column->texts));
}

/* Reading */

struct rows {
    struct wire_reader table;
    struct text texts;
    unsigned member;
    size_t start, end; /* of this row's text */
    bool is_here, bad;
};

static bool rows_begin(struct text encoded, struct rows *rows)
{
    struct wire_reader in = wire_reader_of(encoded);
    uint8_t version = wire_get_u8(&in);
    struct text table = wire_get_text(&in);
    *rows = (struct rows){.table = wire_reader_of(table), .texts = in.rest};
    rows->bad = in.bad || version != VERSION;
    return !rows->bad;
}

/* False at the end, or where it is bad. */
static bool next_row(struct rows *rows)
{
    if (rows->bad || wire_end(&rows->table))
        return false;
    unsigned member = rows->member + wire_get_u16(&rows->table);
    unsigned length = wire_get_u16(&rows->table);
    rows->member = member;
    rows->is_here = length > 0;
    rows->start = rows->end;
    rows->end += rows->is_here ? length - 1 : 0;
    rows->bad = rows->table.bad || member >= BLOCK_MEMBERS || rows->end > rows->texts.length;
    return !rows->bad;
}

/* A text that reaches over two rows is in neither. */
bool column_find(struct text encoded, struct text wanted, struct members *found,
                 struct members *skipped)
{
    struct rows rows;
    rows_begin(encoded, &rows);
    size_t at = text_find_text(rows.texts, wanted);
    while (next_row(&rows)) {
        if (!rows.is_here)
            members_add(skipped, rows.member);
        while (at < rows.end) {
            bool is_inside = rows.end - at >= wanted.length;
            size_t from = is_inside ? rows.end : at + 1;
            if (is_inside)
                members_add(found, rows.member);
            at = from + text_find_text(text_from_position(rows.texts, from), wanted);
        }
    }
    return !rows.bad;
}

bool column_each(struct text encoded, column_visit *visit, void *context)
{
    struct rows rows;
    rows_begin(encoded, &rows);
    while (next_row(&rows)) {
        struct text text =
            text_head(text_from_position(rows.texts, rows.start), rows.end - rows.start);
        visit(context, rows.member, rows.is_here ? text : (struct text){NULL, 0});
    }
    return !rows.bad;
}
