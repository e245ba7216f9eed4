/* `config show`: the settings written as the file would say them, so that they read back. */
#include <string.h>

#include "base/check.h"
#include "settings/grammar.h"
#include "settings/object.h"

enum { STATEMENT_BYTES_MAX = 60 * 1024, LIST_LINE_BYTES = 1000, PLACE_COLUMN = 56 };

struct showing {
    struct buffer *out;
    bool all, where;
    enum setting_default of; /* what is in the line */
    struct buffer line;      /* the statement being written */
};

static void write_list(const struct setting_block *block, const struct setting_row *row,
                       unsigned from, unsigned to, struct buffer *out)
{
    const struct setting_type *type = row->type;
    unsigned count = *setting_block_list_count(block, row);
    const char *array;
    memcpy(&array, setting_block_value(block, row), sizeof(array));
    for (unsigned i = from; i < to; i++) {
        if (i > from)
            buffer_append_byte(out, ' ');
        if (type->before_last != NULL && i > 0 && i + 1 == count)
            buffer_printf(out, "%s ", type->before_last);
        type->write(row, array + i * type->size, out);
    }
}

static void write_value(const struct setting_block *block, const struct setting_row *row,
                        struct buffer *out)
{
    if (row->type->list)
        write_list(block, row, 0, *setting_block_list_count(block, row), out);
    else
        row->type->write(row, setting_block_value(block, row), out);
}

/* Where the default of what is not written comes from. */
static enum setting_default default_of(const struct setting_block *block,
                                       const struct setting_row *row)
{
    enum setting_default of;
    setting_preset_default(&block->preset, row, &of);
    return setting_block_place(block, row)->line == 0 ? of : DEFAULT_OF_ROW;
}

/* Written, and not as its default is written. */
static bool is_changed(const struct setting_block *block, const struct setting_row *row)
{
    enum setting_default of;
    const char *standard = setting_preset_default(&block->preset, row, &of);
    if (setting_block_place(block, row)->line == 0)
        return false;
    if (standard == NULL)
        return true;
    struct buffer value;
    buffer_init(&value, SIZE_MAX);
    write_value(block, row, &value);
    bool changed = !text_equals(buffer_text(&value), text_from(standard));
    buffer_finish(&value);
    return changed;
}

/* Where the line comes from, as a comment behind it. */
static void put_origin(struct showing *showing, const struct setting_block *block,
                       const struct setting_place *place, size_t width)
{
    int pad = width < PLACE_COLUMN ? (int)(PLACE_COLUMN - width) : 1;
    if (showing->of == DEFAULT_OF_PROFILE)
        buffer_printf(showing->out, "%*s# profile %s", pad, "",
                      setting_profile_names[block->preset.profile]);
    else if (showing->of == DEFAULT_OF_ROLE)
        buffer_printf(showing->out, "%*s# role %s", pad, "",
                      setting_role_names[block->preset.role]);
    else if (showing->where && place->line > 0)
        buffer_printf(showing->out, "%*s# %.*s:%u", pad, "", TEXT_ARG(place->file), place->line);
    else if (showing->where)
        buffer_printf(showing->out, "%*s# default", pad, "");
}

static void end_line(struct showing *showing, const struct setting_block *block,
                     const struct setting_place *place)
{
    if (showing->line.length == 0)
        return;
    size_t start = showing->out->length;
    buffer_append(showing->out, block->kind == KIND_TOP ? TEXT("") : TEXT("    "));
    buffer_append(showing->out, buffer_text(&showing->line));
    put_origin(showing, block, place, showing->out->length - start);
    buffer_append_byte(showing->out, '\n');
    buffer_reset(&showing->line, STATEMENT_BYTES_MAX);
}

/* A long list takes several statements, none of them too long to be read back. What may not be
 * repeated (a list with an order of its own words) is short. */
static void show_long_list(struct showing *showing, const struct setting_block *block,
                           const struct setting_row *row)
{
    unsigned count = *setting_block_list_count(block, row);
    unsigned from = 0;
    while (from < count) {
        buffer_append(&showing->line, setting_row_statement(row));
        unsigned to = from;
        while (to < count && (to == from || showing->line.length < LIST_LINE_BYTES)) {
            buffer_append_byte(&showing->line, ' ');
            write_list(block, row, to, to + 1, &showing->line);
            to++;
        }
        from = to;
        if (from < count)
            end_line(showing, block, setting_block_place(block, row));
    }
}

/* Append one row to the statement's line. An empty value writes nothing. */
static bool show_row(struct showing *showing, const struct setting_block *block,
                     const struct setting_row *row)
{
    struct buffer value;
    buffer_init(&value, SIZE_MAX);
    write_value(block, row, &value);
    bool alone = row->type->alone && setting_block_place(block, row)->line > 0;
    bool empty = value.length == 0 && !alone;
    struct text clause = setting_row_clause(row);
    if (!empty && row->type->list && value.length > LIST_LINE_BYTES) {
        show_long_list(showing, block, row);
    } else if (!empty) {
        if (showing->line.length == 0)
            buffer_append(&showing->line, setting_row_statement(row));
        if (clause.length > 0 && !text_equals(clause, TEXT("times")))
            buffer_printf(&showing->line, " %.*s", TEXT_ARG(clause));
        if (value.length > 0)
            buffer_printf(&showing->line, " %.*s", TEXT_ARG(buffer_text(&value)));
    }
    buffer_finish(&value);
    return !empty;
}

/* The statement at rows[0] with its clauses; returns how many rows that were. A statement whose
 * clauses stand alone (limit) takes a line for each. */
static unsigned show_statement(struct showing *showing, const struct setting_block *block,
                               const struct setting_row *rows, unsigned count)
{
    struct text statement = setting_row_statement(&rows[0]);
    bool apart = setting_row_clause(&rows[0]).length > 0;
    unsigned used = 0;
    bool changed = false, present = false;
    showing->of = DEFAULT_OF_ROW;
    const struct setting_place *place = NULL;
    while (used < count && text_equals(setting_row_statement(&rows[used]), statement)) {
        const struct setting_row *row = &rows[used++];
        if (row->same_as != NULL)
            continue;
        changed |= is_changed(block, row);
        if (default_of(block, row) != DEFAULT_OF_ROW)
            showing->of = default_of(block, row);
        if (place == NULL || place->line == 0)
            place = setting_block_place(block, row);
        if (apart)
            break;
    }
    if (!showing->all && !changed)
        return used;
    for (unsigned i = 0; i < used; i++) {
        if (rows[i].same_as != NULL)
            continue;
        /* Without what the statement itself says its clauses say nothing. */
        bool shown = show_row(showing, block, &rows[i]);
        present |= shown;
        if (!shown && i == 0)
            break;
    }
    if (!present && showing->all && rows[0].otherwise != NULL)
        buffer_printf(&showing->line, "# %s: %s", rows[0].name, rows[0].otherwise);
    end_line(showing, block, place);
    return used;
}

static void show_rows(struct showing *showing, const struct setting_block *block)
{
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(block->kind, &count);
    for (unsigned i = 0; i < count;)
        i += show_statement(showing, block, rows + i, count - i);
}

static bool is_shown(const struct showing *showing, const struct setting_block *block)
{
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(block->kind, &count);
    /* That of a domain's `unresolved forward` is shown there. */
    if (block->kind == KIND_CONNECTOR && block->place.line == 0)
        return false;
    if (showing->all || block->place.line > 0)
        return true;
    for (unsigned i = 0; i < count; i++) {
        if (is_changed(block, &rows[i]))
            return true;
    }
    return false;
}

static void show_block(struct showing *showing, const struct setting_block *block)
{
    const struct setting_kind *kind = &setting_kinds[block->kind];
    if (!is_shown(showing, block))
        return;
    if (block->kind == KIND_TOP) {
        show_rows(showing, block);
        return;
    }
    struct buffer *out = showing->out;
    if (out->length > 0)
        buffer_append_byte(out, '\n');
    buffer_append(out, text_from(kind->word));
    if (block->name.length > 0) {
        buffer_append_byte(out, ' ');
        buffer_append(out, block->name);
    }
    buffer_append(out, TEXT(" {\n"));
    show_rows(showing, block);
    buffer_append(out, TEXT("}\n"));
}

void settings_show(const struct settings *settings, bool all, bool where, struct buffer *out)
{
    const struct settings_object *object = (const struct settings_object *)settings;
    struct showing showing = {.out = out, .all = all, .where = where};
    buffer_init(&showing.line, SETTING_LINE_MAX);
    for (const struct setting_block *block = object->blocks; block != NULL; block = block->next)
        show_block(&showing, block);
    buffer_finish(&showing.line);
}
