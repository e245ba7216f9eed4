/* From the words of one statement to values, by the rows. */
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "settings/parser.h"

const struct setting_word *setting_reader_peek(const struct setting_reader *in)
{
    return in->next < in->words.count ? &in->words.words[in->next] : NULL;
}

struct text setting_reader_take(struct setting_reader *in)
{
    return in->words.words[in->next++].text;
}

bool setting_reader_at(const struct setting_reader *in, const char *keyword)
{
    const struct setting_word *word = setting_reader_peek(in);
    return word != NULL && setting_word_is(word, keyword);
}

static struct text statement_of(const struct setting_reader *in)
{
    return in->words.words[0].text;
}

/* x3 stands for its own clause. */
static bool is_repeat(struct text word)
{
    return word.length > 1 && word.data[0] == 'x' && word.data[1] >= '0' && word.data[1] <= '9';
}

static const struct setting_row *clause_at(const struct setting_reader *in)
{
    const struct setting_word *word = setting_reader_peek(in);
    if (word == NULL || word->quoted || word->text.length == 0)
        return NULL;
    struct text clause = is_repeat(word->text) ? TEXT("times") : word->text;
    return setting_row_find(in->block->kind, statement_of(in), clause);
}

bool setting_reader_at_clause(const struct setting_reader *in)
{
    return clause_at(in) != NULL;
}

static struct setting_place place_of(const struct setting_reader *in, unsigned word)
{
    struct setting_place place = in->parser->line;
    if (word < in->words.count)
        place.column = in->words.words[word].column;
    return place;
}

static unsigned last_taken(const struct setting_reader *in)
{
    return in->next > 0 ? in->next - 1 : 0;
}

bool setting_reader_error(struct setting_reader *in, struct text hint, const char *format, ...)
{
    char message[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct setting_place place = place_of(in, last_taken(in));
    settings_error(&in->parser->errors, &place, in->words.words[last_taken(in)].length, hint, "%s",
                   message);
    return false;
}

bool setting_reader_no_value(struct setting_reader *in, struct text word, const char *hint)
{
    struct text shown = setting_shown(word);
    return setting_reader_error(in, text_from(hint), "'%.*s' is no value of %s", TEXT_ARG(shown),
                                setting_reader_where(in));
}

const char *setting_reader_where(struct setting_reader *in)
{
    struct arena *arena = &in->parser->scratch;
    const char *word = setting_kinds[in->block->kind].word;
    struct text name = setting_shown(in->block->name);
    if (in->block->kind == KIND_TOP)
        return arena_printf(arena, "'%s'", in->row->name).data;
    if (name.length == 0)
        return arena_printf(arena, "'%s' in %s", in->row->name, word).data;
    return arena_printf(arena, "'%s' in %s '%.*s'", in->row->name, word, TEXT_ARG(name)).data;
}

/* The clauses of the statement, for the remedy. */
static struct text clauses_hint(struct setting_reader *in)
{
    struct buffer out;
    buffer_init(&out, 1024);
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(in->block->kind, &count);
    for (unsigned i = 0; i < count; i++) {
        struct text clause = setting_row_clause(&rows[i]);
        if (clause.length == 0 || !text_equals(setting_row_statement(&rows[i]), statement_of(in)))
            continue;
        buffer_printf(&out, "%s'%.*s'", out.length == 0 ? "" : ", ", TEXT_ARG(clause));
    }
    struct text hint = TEXT("");
    if (out.length > 0)
        hint = arena_printf(&in->parser->scratch, "what can stand here: %.*s",
                            TEXT_ARG(buffer_text(&out)));
    buffer_finish(&out);
    return hint;
}

static bool refuse_word(struct setting_reader *in)
{
    struct text word = setting_shown(setting_reader_peek(in)->text);
    in->next++;
    return setting_reader_error(in, clauses_hint(in), "unexpected word '%.*s' after '%.*s'",
                                TEXT_ARG(word), TEXT_ARG(statement_of(in)));
}

static bool refuse_duplicate(struct setting_reader *in, const struct setting_place *first)
{
    return setting_reader_error(in, TEXT(""), "%s is already set at %.*s:%u",
                                setting_reader_where(in), TEXT_ARG(first->file), first->line);
}

/* Append to an array that doubles. */
static void list_append(struct setting_reader *in, const void *element)
{
    size_t size = in->row->type->size;
    unsigned *count = setting_block_list_count(in->block, in->row);
    char *array;
    memcpy(&array, setting_block_value(in->block, in->row), sizeof(array));
    if ((*count & (*count - 1)) == 0) {
        char *larger = arena_array(&in->parser->object->arena, *count == 0 ? 1 : *count * 2, size);
        if (*count > 0)
            memcpy(larger, array, *count * size);
        array = larger;
        memcpy(setting_block_value(in->block, in->row), &array, sizeof(array));
    }
    memcpy(array + *count * size, element, size);
    (*count)++;
}

static bool read_element(struct setting_reader *in)
{
    /* For a list of bounded values the bounds are the values', not the count's. */
    uint64_t most = in->row->type->write_bound != NULL ? 1000 : in->row->high;
    bool full = *setting_block_list_count(in->block, in->row) >= most;
    if (full || in->parser->value_count >= SETTING_VALUES_MAX) {
        in->next++;
        return setting_reader_error(in, TEXT(""), "%s has more than %u values",
                                    setting_reader_where(in),
                                    full ? (unsigned)most : SETTING_VALUES_MAX);
    }
    alignas(max_align_t) char element[256] = {0};
    check(in->row->type->size <= sizeof(element));
    if (!in->row->type->parse(in, element))
        return false;
    list_append(in, element);
    in->parser->value_count++;
    return true;
}

/* At least one element, up to the next clause or the end; "then" before the last. */
static bool read_list(struct setting_reader *in)
{
    const struct setting_type *type = in->row->type;
    bool last = false;
    do {
        const struct setting_word *word = setting_reader_peek(in);
        if (last)
            return refuse_word(in);
        if (type->before_last != NULL && in->next > 1 && setting_word_is(word, type->before_last)) {
            last = true;
            in->next++;
            if (setting_reader_peek(in) == NULL)
                return setting_reader_error(in, TEXT(""), "a value is missing behind '%s'",
                                            type->before_last);
        }
        if (!read_element(in))
            return false;
    } while (setting_reader_peek(in) != NULL && !setting_reader_at_clause(in));
    return true;
}

static struct text value_hint(struct setting_reader *in)
{
    struct buffer out;
    buffer_init(&out, 1024);
    buffer_printf(&out, "write: %s ", in->row->name);
    setting_row_put_syntax(in->row, &out);
    struct text hint = arena_copy(&in->parser->scratch, buffer_text(&out));
    buffer_finish(&out);
    return hint;
}

/* The values behind the words of in->row. */
static bool read_values(struct setting_reader *in)
{
    const struct setting_row *row = in->row;
    struct setting_place *place = setting_block_place(in->block, row);
    if (place->line > 0 && !row->type->list && !row->type->repeats)
        return refuse_duplicate(in, place);
    /* x3 is clause and value in one. */
    const struct setting_row *clause = clause_at(in);
    bool is_missing = setting_reader_peek(in) == NULL || (clause != NULL && clause != row);
    bool is_alone = is_missing && row->type->alone;
    if (is_missing && !is_alone)
        return setting_reader_error(in, value_hint(in), "%s needs a value",
                                    setting_reader_where(in));
    struct setting_place written = place_of(in, is_alone ? 0 : in->next);
    bool good =
        row->type->list ? read_list(in) : row->type->parse(in, setting_block_value(in->block, row));
    /* Also when it is wrong: then it is not missing as well. */
    if (place->line == 0)
        *place = written;
    return good;
}

/* In front of a clause: x3 is clause and value in one, so that it is not taken off. */
static void take_clause(struct setting_reader *in)
{
    in->row = clause_at(in);
    if (!is_repeat(setting_reader_peek(in)->text))
        in->next++;
}

bool settings_statement_read(struct setting_reader *in)
{
    in->next = 1;
    in->row = setting_row_find(in->block->kind, statement_of(in), TEXT(""));
    if (in->row != NULL && !setting_reader_at_clause(in)) {
        if (!read_values(in))
            return false;
    } else if (setting_reader_peek(in) == NULL) {
        return setting_reader_error(in, clauses_hint(in), "'%.*s' needs a value",
                                    TEXT_ARG(statement_of(in)));
    }
    while (setting_reader_peek(in) != NULL) {
        if (!setting_reader_at_clause(in))
            return refuse_word(in);
        take_clause(in);
        if (!read_values(in))
            return false;
    }
    return true;
}

/* The default as if its statement had been written, in line 0. */
static void apply_default(struct settings_parser *parser, struct setting_block *block,
                          const struct setting_row *row, const char *standard)
{
    struct setting_reader in = {.parser = parser, .block = block, .row = row};
    struct setting_flaw flaw;
    char line[256];
    snprintf(line, sizeof(line), "%.*s %s", TEXT_ARG(setting_row_statement(row)), standard);
    check(setting_line_split(text_from(line), &parser->scratch, &in.words, &flaw));
    in.next = 1;
    unsigned errors = parser->errors.count;
    if (row->type->list)
        check(read_list(&in));
    else
        check(row->type->parse(&in, setting_block_value(block, row)));
    check(parser->errors.count == errors && in.next == in.words.count);
}

void settings_defaults_apply(struct settings_parser *parser, struct setting_block *block)
{
    struct setting_place line = parser->line;
    parser->line = (struct setting_place){0};
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(block->kind, &count);
    for (unsigned i = 0; i < count; i++) {
        enum setting_default of;
        const char *standard = setting_preset_default(&block->preset, &rows[i], &of);
        if (standard != NULL && setting_block_place(block, &rows[i])->line == 0)
            apply_default(parser, block, &rows[i], standard);
    }
    parser->line = line;
}
