/* From lines to blocks and statements. All errors are found in one pass: a wrong statement is
 * reported and left out, an unknown block is reported once and skipped. */
#include <string.h>

#include "base/check.h"
#include "settings/names.h"
#include "settings/parser.h"

enum { ERRORS_COUNTED_MAX = 1000 };

/* The open block's words for messages: " in connector 'provider'"; "" outside blocks. */
static const char *within(struct settings_parser *parser)
{
    const struct setting_block *block = parser->open[0];
    struct text name = setting_shown(block->name);
    const char *word = setting_kinds[block->kind].word;
    if (block->kind == KIND_TOP)
        return "";
    if (name.length == 0)
        return arena_printf(&parser->scratch, " in %s", word).data;
    return arena_printf(&parser->scratch, " in %s '%.*s'", word, TEXT_ARG(name)).data;
}

static struct setting_place place_of(const struct settings_parser *parser,
                                     const struct setting_word *word)
{
    struct setting_place place = parser->line;
    place.column = word->column;
    return place;
}

/* Errors about one word of the line. */
#define word_error(parser, word, hint, ...)                                                        \
    do {                                                                                           \
        struct setting_place word_place = place_of(parser, word);                                  \
        settings_error(&(parser)->errors, &word_place, (word)->length, hint, __VA_ARGS__);         \
    } while (0)

static struct text path_below(struct text folder, struct text name, struct arena *arena)
{
    bool is_root = folder.length == 0 || text_equals(folder, TEXT("/"));
    return arena_printf(arena, "%.*s/%.*s", is_root ? 0 : (int)folder.length, folder.data,
                        TEXT_ARG(name));
}

struct text settings_parser_path(struct settings_parser *parser, struct text path)
{
    struct arena *arena = &parser->object->arena;
    if (text_starts_with(path, TEXT("/")))
        return arena_copy(arena, path);
    while (text_starts_with(path, TEXT("./")))
        path = text_from_position(path, 2);
    struct text file = parser->line.file;
    struct text folder = text_head(file, text_find_last(file, '/'));
    struct text base = parser->source->directory;
    bool has_folder = folder.length < file.length;
    if (has_folder && text_starts_with(file, TEXT("/")))
        base = folder;
    else if (has_folder)
        base = path_below(base, folder, &parser->scratch);
    if (path.length == 0 || text_equals(path, TEXT(".")))
        return base.length == 0 ? TEXT("/") : arena_copy(arena, base);
    return path_below(base, path, arena);
}

/* A candidate becomes `best` when it is nearer than that, and near at all. */
static void consider(struct text word, struct text candidate, struct text *best, unsigned *nearest)
{
    unsigned distance = setting_word_distance(word, candidate);
    if (distance < *nearest && distance <= 1 + word.length / 4) {
        *nearest = distance;
        *best = candidate;
    }
}

static struct text nearest_statement(enum setting_kind_id kind, struct text word)
{
    struct text best = TEXT("");
    unsigned nearest = UINT32_MAX, count;
    const struct setting_row *rows = setting_kind_rows(kind, &count);
    for (unsigned i = 0; i < count; i++)
        consider(word, setting_row_statement(&rows[i]), &best, &nearest);
    for (unsigned i = 0; kind == KIND_TOP && i < KIND_COUNT; i++)
        consider(word, text_from(setting_kinds[i].word), &best, &nearest);
    if (kind == KIND_TOP)
        consider(word, TEXT("include"), &best, &nearest);
    return best;
}

/* "A word of another kind of block stands here", or the nearest word. */
static struct text unknown_hint(struct settings_parser *parser, enum setting_kind_id kind,
                                struct text word)
{
    const char *help = kind == KIND_TOP ? "settings" : setting_kinds[kind].word;
    struct text near = nearest_statement(kind, word);
    if (near.length > 0)
        return arena_printf(&parser->scratch, "did you mean '%.*s'?   (mailroot help %s)",
                            TEXT_ARG(near), help);
    for (unsigned other = 0; other < KIND_COUNT; other++) {
        if (!setting_statement_exists(other, word))
            continue;
        if (other == KIND_TOP)
            return TEXT("it belongs outside of blocks");
        return arena_printf(&parser->scratch, "it belongs in a %s block   (mailroot help %s)",
                            setting_kinds[other].word, setting_kinds[other].word);
    }
    return arena_printf(&parser->scratch, "(mailroot help %s)", help);
}

static void refuse_unknown(struct settings_parser *parser, const struct setting_word *word)
{
    enum setting_kind_id kind = parser->open[0]->kind;
    struct text shown = setting_shown(word->text);
    if (!word->quoted && setting_is_later(kind, word->text))
        word_error(parser, word, TEXT(""), "'%.*s'%s is not supported by this version",
                   TEXT_ARG(shown), within(parser));
    else if (word->quoted)
        word_error(parser, word, TEXT("write it without quotes"), "a statement begins with a word");
    else if (setting_statement_exists(kind, word->text))
        word_error(parser, word, TEXT("leave out the '{'"), "'%.*s' opens no block",
                   TEXT_ARG(shown));
    else if (parser->errors.count < SETTINGS_ERRORS_MAX)
        word_error(parser, word, unknown_hint(parser, kind, word->text), "unknown word '%.*s'%s",
                   TEXT_ARG(shown), within(parser));
    else
        parser->errors.count++;
}

static void read_statement(struct settings_parser *parser, struct setting_words words)
{
    const struct setting_word *first = &words.words[0];
    if (first->quoted || !setting_statement_exists(parser->open[0]->kind, first->text)) {
        refuse_unknown(parser, first);
        return;
    }
    /* When several domains share a block the first one finds the errors. */
    bool good = true;
    for (unsigned i = 0; good && i < parser->open_count; i++) {
        struct setting_reader in = {.parser = parser, .block = parser->open[i], .words = words};
        good = settings_statement_read(&in);
    }
}

static void close_block(struct settings_parser *parser)
{
    parser->open = &parser->object->blocks;
    parser->open_count = 1;
    parser->opened.line = 0;
    parser->skipping = false;
    arena_reset(&parser->open_arena);
}

/* The block of that kind and name, which an earlier line may have begun. */
static struct setting_block *block_find(struct settings_parser *parser, enum setting_kind_id kind,
                                        struct text name)
{
    struct text key = arena_printf(&parser->scratch, "%u %.*s", kind, TEXT_ARG(name));
    struct setting_block *block = map_get(parser->blocks, key);
    if (block != NULL)
        return block;
    if (parser->object->block_counts[kind] >= setting_kinds[kind].most)
        return NULL;
    block = settings_object_add(parser->object, kind, name, parser->line);
    map_put(parser->blocks, key, block);
    return block;
}

static struct text name_hint(enum setting_kind_id kind)
{
    if (kind == KIND_DOMAIN)
        return TEXT("write a domain like example.org");
    if (kind == KIND_POLICY)
        return TEXT("write a domain, *.domain or default");
    return TEXT("a name is letters, digits, '-', '_' and '.'");
}

/* One name in an opening line; false when it is wrong, and that has been said. */
static bool open_name(struct settings_parser *parser, enum setting_kind_id kind,
                      const struct setting_word *word)
{
    struct arena *arena = &parser->object->arena;
    struct text name, shown = setting_shown(word->text);
    const char *is = setting_kinds[kind].word;
    if (!setting_block_name(kind, word->text, arena, &name)) {
        word_error(parser, word, name_hint(kind), "'%.*s' is no name of a %s", TEXT_ARG(shown), is);
        return false;
    }
    struct setting_block *block = block_find(parser, kind, name);
    if (block == NULL) {
        word_error(parser, word, TEXT(""), "there are more than %u %ss", setting_kinds[kind].most,
                   is);
        return false;
    }
    for (unsigned i = 0; i < parser->open_count; i++) {
        if (parser->open[i] == block)
            return true;
    }
    parser->open[parser->open_count++] = block;
    return true;
}

/* `kind name ...`; the words without the brace. */
static bool open_names(struct settings_parser *parser, enum setting_kind_id kind,
                       struct setting_words words)
{
    const struct setting_kind *about = &setting_kinds[kind];
    unsigned names = words.count - 1;
    if (about->names_most == 0 && names == 0) {
        struct setting_block *block = parser->object->blocks;
        while (block->kind != kind)
            block = block->next;
        parser->open[parser->open_count++] = block;
        return true;
    }
    if (names > about->names_most) {
        word_error(parser, &words.words[about->names_most + 1], TEXT(""),
                   "too many names for a %s block", about->word);
        return false;
    }
    if (names == 0) {
        word_error(parser, &words.words[0],
                   arena_printf(&parser->scratch, "write: %s %s {", about->word, about->names),
                   "this %s has no name", about->word);
        return false;
    }
    for (unsigned i = 1; i < words.count; i++) {
        if (!open_name(parser, kind, &words.words[i]))
            return false;
    }
    return true;
}

static enum setting_kind_id kind_of(const struct setting_word *word)
{
    unsigned kind = KIND_TOP + 1;
    while (kind < KIND_COUNT && !setting_word_is(word, setting_kinds[kind].word))
        kind++;
    return kind;
}

static void refuse_nesting(struct settings_parser *parser, const struct setting_word *word)
{
    word_error(parser, word,
               arena_printf(&parser->scratch, "a '}' may be missing before this line"),
               "blocks do not nest: one is open since line %u", parser->opened.line);
    close_block(parser);
}

static void open_block(struct settings_parser *parser, struct setting_words words)
{
    const struct setting_word *first = &words.words[0];
    if (parser->opened.line > 0)
        refuse_nesting(parser, first);
    enum setting_kind_id kind = kind_of(first);
    if (kind == KIND_COUNT) {
        refuse_unknown(parser, first);
    } else {
        parser->open = arena_array(&parser->open_arena, words.count, sizeof(*parser->open));
        parser->open_count = 0;
    }
    bool good = kind != KIND_COUNT && open_names(parser, kind, words);
    if (!good)
        close_block(parser);
    parser->opened = place_of(parser, first);
    parser->opened_length = first->length;
    parser->skipping = !good;
}

static void read_end(struct settings_parser *parser, const struct setting_word *brace)
{
    if (parser->opened.line == 0)
        word_error(parser, brace, TEXT(""), "this '}' closes nothing");
    close_block(parser);
}

/* `include` has had its effect when the files were read; what is left is its form. */
static void read_include(struct settings_parser *parser, struct setting_words words)
{
    if (parser->opened.line > 0)
        word_error(parser, &words.words[0], TEXT("move it out of the block"),
                   "'include' cannot stand in a block");
    else if (words.count != 2)
        word_error(parser, &words.words[0], TEXT("write: include conf.d/*.conf"),
                   "'include' needs one file name or pattern");
}

static void read_plain(struct settings_parser *parser, struct setting_words words)
{
    const struct setting_word *first = &words.words[0];
    enum setting_kind_id kind = kind_of(first);
    if (setting_word_is(first, "include")) {
        read_include(parser, words);
    } else if (parser->opened.line == 0 && kind != KIND_COUNT) {
        if (setting_kinds[kind].needs_braces) {
            word_error(parser, first, TEXT("write '{' at the end of this line"),
                       "this %s has no block", setting_kinds[kind].word);
            return;
        }
        open_block(parser, words);
        close_block(parser);
    } else {
        read_statement(parser, words);
    }
}

/* The position of the first brace, or count. */
static unsigned find_brace(struct setting_words words, const char *brace)
{
    unsigned at = 0;
    while (at < words.count && !setting_word_is(&words.words[at], brace))
        at++;
    return at;
}

/* Everything on one line: `retry { expire 5d }`. */
static void read_one_line_block(struct settings_parser *parser, struct setting_words words,
                                unsigned brace)
{
    open_block(parser, (struct setting_words){words.words, brace});
    struct setting_words inside = {words.words + brace + 1, words.count - brace - 2};
    if (inside.count > 0 && !parser->skipping)
        read_statement(parser, inside);
    close_block(parser);
}

static void read_words(struct settings_parser *parser, struct setting_words words)
{
    unsigned open = find_brace(words, "{"), close = find_brace(words, "}");
    const struct setting_word *last = &words.words[words.count - 1];
    if (open == 0 || (close > 0 && close < words.count - 1) ||
        (open < words.count - 1 && close != words.count - 1) ||
        (close == words.count - 1 && close > 0 && open > close)) {
        unsigned at = open < close ? open : close;
        word_error(parser, &words.words[at], TEXT("'{' ends a line, '}' stands alone"),
                   "this brace is misplaced");
    } else if (close == 0 && words.count == 1) {
        read_end(parser, last);
    } else if (open < words.count && close == words.count - 1) {
        read_one_line_block(parser, words, open);
    } else if (open == words.count - 1) {
        open_block(parser, (struct setting_words){words.words, words.count - 1});
    } else if (!parser->skipping) {
        read_plain(parser, words);
    }
}

static void read_line(struct settings_parser *parser, struct text line)
{
    struct setting_words words;
    struct setting_flaw flaw;
    arena_reset(&parser->scratch);
    if (!setting_line_split(line, &parser->scratch, &words, &flaw)) {
        struct setting_place place = parser->line;
        place.column = flaw.column;
        settings_error(&parser->errors, &place, flaw.length, TEXT(""), "%s", flaw.reason);
    } else if (words.count > 0) {
        read_words(parser, words);
    }
}

static void end_file(struct settings_parser *parser)
{
    if (parser->opened.line > 0)
        settings_error(&parser->errors, &parser->opened, parser->opened_length,
                       TEXT("a '}' is missing"), "this block is not closed");
    close_block(parser);
}

static void read_pieces(struct settings_parser *parser)
{
    for (unsigned i = 0; i < parser->source->piece_count; i++) {
        const struct settings_piece *piece = &parser->source->pieces[i];
        parser->line.file = arena_copy(&parser->object->arena, piece->file);
        parser->line.line = piece->first_line;
        struct text rest = piece->bytes, line;
        /* A file with that many errors is not one of ours; reading on would tell nobody more. */
        for (; parser->errors.count < ERRORS_COUNTED_MAX && setting_line_next(&rest, &line);
             parser->line.line++)
            read_line(parser, line);
        end_file(parser);
    }
}

enum status settings_parse(const struct settings_source *source, uint64_t version,
                           struct buffer *errors, struct settings **out)
{
    struct settings_parser parser = {
        .source = source, .object = settings_object_new(version), .blocks = map_new()};
    parser.errors = (struct settings_errors){.source = source, .out = errors};
    arena_init(&parser.scratch);
    arena_init(&parser.open_arena);
    close_block(&parser);

    read_pieces(&parser);
    parser.line = (struct setting_place){0};
    arena_reset(&parser.scratch);
    settings_complete(&parser);
    settings_object_finish(parser.object);
    settings_check(&parser);
    settings_errors_end(&parser.errors);

    unsigned count = parser.errors.count;
    map_free(&parser.blocks);
    arena_finish(&parser.scratch);
    arena_finish(&parser.open_arena);
    *out = count == 0 ? &parser.object->settings : NULL;
    if (count == 0)
        return OK;
    settings_object_free(parser.object);
    return refused("the settings have %u error%s", count, count == 1 ? "" : "s");
}
