/* The steps and names of RFC 5256 2.1 and 5. */
#include "mail/subject.h"

#include "mail/words.h"

/* Step 1: every run of white space is one space. */
static struct text squeeze(struct text text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!is_space)
            out[length++] = c;
        else if (length == 0 || out[length - 1] != ' ')
            out[length++] = ' ';
    }
    return text_of(out, length);
}

static struct text skip_space(struct text text)
{
    return text_starts_with(text, TEXT(" ")) ? text_from_position(text, 1) : text;
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP */
static bool take_blob(struct text *rest)
{
    if (!text_starts_with(*rest, TEXT("[")))
        return false;
    struct text inner = text_from_position(*rest, 1);
    size_t end = text_find(inner, ']');
    if (end == inner.length || text_find(text_head(inner, end), '[') != end)
        return false;
    *rest = skip_space(text_from_position(inner, end + 1));
    return true;
}

/* subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool take_refwd(struct text *rest)
{
    static const char *const words[] = {"re", "fwd", "fw"};
    for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
        struct text word = text_from(words[i]);
        if (!text_starts_with_nocase(*rest, word))
            continue;
        struct text at = skip_space(text_from_position(*rest, word.length));
        take_blob(&at);
        if (!text_starts_with(at, TEXT(":")))
            continue;
        *rest = text_from_position(at, 1);
        return true;
    }
    return false;
}

/* Step 2 */
static void cut_trailers(struct text *text, bool *is_reply)
{
    for (;;) {
        if (text->length > 0 && text->data[text->length - 1] == ' ') {
            text->length--;
        } else if (text_ends_with_nocase(*text, TEXT("(fwd)"))) {
            text->length -= 5;
            *is_reply = true;
        } else {
            return;
        }
    }
}

/* Steps 3 to 5. When no more leader comes after any number of blobs, none comes after fewer: so
 * what is left to take off are blobs, and nothing need be tried again. */
static void cut_leaders(struct text *text, bool *is_reply)
{
    struct text at = *text;
    do {
        *text = at = skip_space(at);
        while (take_blob(&at))
            continue;
    } while (take_refwd(&at) && (*is_reply = true));
    at = *text;
    while (take_blob(&at) && at.length > 0)
        *text = at;
}

struct text mail_subject_base(struct text value, struct charset_guess *guess, struct arena *arena,
                              bool *is_reply)
{
    struct text text = squeeze(mail_words_decode(value, guess, arena), arena);
    *is_reply = false;
    for (;;) {
        cut_trailers(&text, is_reply);
        cut_leaders(&text, is_reply);
        /* Step 6 */
        if (!text_starts_with_nocase(text, TEXT("[fwd:")) || text.data[text.length - 1] != ']')
            return text;
        text = text_head(text_from_position(text, 5), text.length - 6);
        *is_reply = true;
    }
}
