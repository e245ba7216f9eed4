/* Types of values: words out of a fixed list, held as a mask; and a phrase for people. */
#include "base/check.h"
#include "settings/parser.h"
#include "settings/types.h"

static struct text upper(struct arena *arena, struct text word)
{
    struct text copy = arena_copy(arena, word);
    for (size_t i = 0; i < copy.length; i++)
        if (copy.data[i] >= 'a' && copy.data[i] <= 'z')
            ((char *)copy.data)[i] -= 'a' - 'A';
    return copy;
}

/* The word that was meant, or all there are. */
static struct text words_hint(struct setting_reader *in, struct text word)
{
    word = upper(&in->parser->scratch, word);
    const char *nearest = NULL;
    unsigned least = 1 + (unsigned)word.length / 4;
    struct buffer out;
    buffer_init(&out, 1024);
    buffer_append(&out, TEXT("the words are"));
    for (const char *const *choice = in->row->choices; *choice != NULL; choice++) {
        unsigned distance =
            setting_word_distance(word, upper(&in->parser->scratch, text_from(*choice)));
        if (distance <= least) {
            nearest = *choice;
            least = distance;
        }
        buffer_printf(&out, " %s", *choice);
    }
    struct text hint = arena_copy(&in->parser->scratch, buffer_text(&out));
    if (nearest != NULL)
        hint = arena_printf(&in->parser->scratch, "did you mean '%s'?", nearest);
    buffer_finish(&out);
    return hint;
}

static bool parse_word(struct setting_reader *in, uint32_t *mask)
{
    struct text word = in->words.words[in->next++].text;
    for (unsigned i = 0; in->row->choices[i] != NULL; i++) {
        if (!text_equals_nocase(word, text_from(in->row->choices[i])))
            continue;
        *mask |= UINT32_C(1) << i;
        return true;
    }
    struct text shown = setting_shown(word);
    return setting_reader_error(in, words_hint(in, word), "'%.*s' is no value of %s",
                                TEXT_ARG(shown), setting_reader_where(in));
}

static bool parse_words(struct setting_reader *in, void *value)
{
    while (setting_reader_peek(in) != NULL && !setting_reader_at_clause(in))
        if (!parse_word(in, value))
            return false;
    return true;
}

static void write_words(const struct setting_row *row, const void *value, struct buffer *out)
{
    const uint32_t *mask = value;
    const char *space = "";
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if ((*mask & UINT32_C(1) << i) == 0)
            continue;
        buffer_printf(out, "%s%s", space, row->choices[i]);
        space = " ";
    }
}

const struct setting_type setting_type_words = {
    .syntax = "WORD ...", .repeats = true, .parse = parse_words, .write = write_words};

enum { PHRASE_MAX = 200 };

/* It goes into a reply: ASCII that can be printed. */
static bool parse_phrase(struct setting_reader *in, void *value)
{
    struct text word = in->words.words[in->next++].text;
    bool good = word.length > 0 && word.length <= PHRASE_MAX;
    for (size_t i = 0; good && i < word.length; i++)
        good = word.data[i] >= ' ' && word.data[i] <= '~';
    if (!good)
        return setting_reader_error(
            in,
            arena_printf(&in->parser->scratch, "write up to %d characters of ASCII", PHRASE_MAX),
            "that is no value of %s", setting_reader_where(in));
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return true;
}

static void write_phrase(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct text *phrase = value;
    unused(row);
    if (!text_is_empty(*phrase))
        setting_word_write(*phrase, false, out);
}

const struct setting_type setting_type_phrase = {
    .syntax = "WORDS", .parse = parse_phrase, .write = write_phrase};
