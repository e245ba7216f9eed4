#include "mail/fuzzy.h"

enum {
    SCORE_SAME = 90, /* the words, not the text as it is */
    SCORE_BEGINS = 75,
    SCORE_HOLDS = 60,
    SCORE_ONE_WRONG = 50,
    SCORE_TWO_WRONG = 30,
    ONE_WRONG_FROM = 4, /* bytes of a word in which a letter may be wrong */
    TWO_WRONG_FROM = 8,
    LINE_MAX = 128 << 20,
    RUN_MAX = 1 << 20, /* bytes of a word; longer ones are cut */
    KEPT_BYTES = 4096,
};

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool next_word(struct text *rest, struct text *word)
{
    size_t from = 0, end;
    while (from < rest->length && !is_of_word(rest->data[from]))
        from++;
    for (end = from; end < rest->length && is_of_word(rest->data[end]);)
        end++;
    *word = text_head(text_from_position(*rest, from), end - from);
    *rest = text_from_position(*rest, end);
    return word->length > 0;
}

void fuzzy_init(struct fuzzy *fuzzy, struct text wanted)
{
    struct text rest = wanted;
    *fuzzy = (struct fuzzy){.wanted = wanted};
    while (fuzzy->count < FUZZY_WORDS_MAX && next_word(&rest, &fuzzy->words[fuzzy->count]))
        fuzzy->count++;
    buffer_init(&fuzzy->line, LINE_MAX);
}

void fuzzy_finish(struct fuzzy *fuzzy)
{
    buffer_finish(&fuzzy->line);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many bytes to change, add, take away, or exchange with the next; `most` + 1 when it is more.
 * Both are short. */
static unsigned distance(struct text a, struct text b, unsigned most)
{
    unsigned rows[3][FUZZY_WORD_BYTES + 1]; /* in turn: this one, the one above, that above it */
    for (unsigned k = 0; k <= b.length; k++)
        rows[2][k] = k;
    for (unsigned i = 0; i < a.length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = i + 1;
        for (unsigned k = 0; k < b.length; k++) {
            row[k + 1] =
                least(above[k] + (a.data[i] != b.data[k]), least(above[k + 1], row[k]) + 1);
            if (i > 0 && k > 0 && a.data[i] == b.data[k - 1] && a.data[i - 1] == b.data[k])
                row[k + 1] = least(row[k + 1], second[k - 1] + 1);
        }
    }
    return least(rows[(a.length + 2) % 3][b.length], most + 1);
}

static unsigned score_of(struct text wanted, struct text word)
{
    if (text_equals(word, wanted))
        return SCORE_SAME;
    if (text_starts_with(word, wanted))
        return SCORE_BEGINS;
    if (text_find_text(word, wanted) < word.length)
        return SCORE_HOLDS;
    unsigned most = wanted.length >= TWO_WRONG_FROM ? 2 : wanted.length >= ONE_WRONG_FROM ? 1 : 0;
    bool is_near = word.length + most >= wanted.length && wanted.length + most >= word.length;
    if (most == 0 || !is_near || word.length > FUZZY_WORD_BYTES || wanted.length > FUZZY_WORD_BYTES)
        return 0;
    unsigned wrong = distance(wanted, word, most);
    return wrong > most ? 0 : wrong == 1 ? SCORE_ONE_WRONG : SCORE_TWO_WRONG;
}

static void meet(struct fuzzy *fuzzy, struct text line)
{
    struct text word, rest = line;
    if (text_find_text(line, fuzzy->wanted) < line.length)
        fuzzy->has_all = true;
    while (!fuzzy->has_all && next_word(&rest, &word))
        for (unsigned i = 0; i < fuzzy->count; i++) {
            unsigned score = score_of(fuzzy->words[i], word);
            if (fuzzy->best[i] < score)
                fuzzy->best[i] = score;
        }
}

void fuzzy_feed(struct fuzzy *fuzzy, struct text text)
{
    buffer_append(&fuzzy->line, text);
    struct text line = buffer_text(&fuzzy->line);
    size_t end = line.length, kept = fuzzy->wanted.length;
    while (end > 0 && is_of_word(line.data[end - 1]))
        end--;
    if (end == 0 && line.length < RUN_MAX)
        return; /* a word that goes on */
    if (end == 0)
        end = line.length;
    meet(fuzzy, text_head(line, end));
    /* What is kept begins with a whole word: the rest of one is no word. */
    size_t from = end > kept ? end - kept : 0;
    while (from > 0 && is_of_word(line.data[from - 1]))
        from--;
    buffer_consume(&fuzzy->line, from);
}

void fuzzy_break(struct fuzzy *fuzzy)
{
    meet(fuzzy, buffer_text(&fuzzy->line));
    buffer_reset(&fuzzy->line, KEPT_BYTES);
}

unsigned fuzzy_score(const struct fuzzy *fuzzy)
{
    unsigned sum = 0;
    if (fuzzy->has_all)
        return FUZZY_BEST;
    for (unsigned i = 0; i < fuzzy->count; i++) {
        if (fuzzy->best[i] == 0)
            return 0;
        sum += fuzzy->best[i];
    }
    return fuzzy->count == 0 ? 0 : sum / fuzzy->count;
}
