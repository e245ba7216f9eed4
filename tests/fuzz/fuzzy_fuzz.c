/* Fuzzy words. However a text is cut where it goes on, the score is the same; the text itself is
 * met best. */
#include "base/check.h"
#include "mail/fuzzy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned score(struct text wanted, struct text text, size_t cut)
{
    struct fuzzy fuzzy;
    fuzzy_init(&fuzzy, wanted);
    fuzzy_feed(&fuzzy, text_head(text, cut));
    fuzzy_feed(&fuzzy, text_from_position(text, cut));
    fuzzy_break(&fuzzy);
    unsigned score = fuzzy_score(&fuzzy);
    fuzzy_finish(&fuzzy);
    check(score <= FUZZY_BEST);
    return score;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct text all = text_of(data + 2, size - 2);
    struct text wanted = text_head(all, 1 + data[0] % all.length);
    struct text text = text_from_position(all, wanted.length);
    unsigned whole = score(wanted, text, text.length);
    check(whole == score(wanted, text, text.length == 0 ? 0 : data[1] % text.length));
    check(score(wanted, all, all.length) == FUZZY_BEST);
    return 0;
}
