/* Looking for text in what a message shows of itself (imap_text.h). */
#include "base/check.h"
#include "mail/fuzzy.h"
#include "mail/grams.h"
#include "proto/imap/imap_index.h"
#include "proto/imap/imap_search.h"
#include "proto/imap/imap_text.h"

enum { TAIL_MAX = 128 << 20, KEPT_BYTES = 4096 };

struct finding {
    struct text text;
    struct buffer tail; /* the end of what was shown, for what reaches over */
    bool found;
};

static void begin(void *context)
{
    struct finding *finding = context;
    buffer_reset(&finding->tail, KEPT_BYTES);
    finding->found = finding->text.length == 0; /* in whatever is there */
}

static bool take(void *context, struct text folded)
{
    struct finding *finding = context;
    buffer_append(&finding->tail, folded);
    struct text all = buffer_text(&finding->tail);
    finding->found = finding->found || text_find_text(all, finding->text) < all.length;
    if (all.length > finding->text.length)
        buffer_consume(&finding->tail, all.length - finding->text.length);
    return !finding->found;
}

/* Of which the index knows that it can't be in this message. */
static bool is_ruled_out(struct imap_message *message, struct text text)
{
    uint16_t numbers[GRAMS_WANTED_MAX];
    unsigned count = grams_of(text, numbers);
    return count > 0 && !imap_index_may_have(message, numbers, count);
}

static void finding_init(struct finding *finding, struct text text)
{
    *finding = (struct finding){.text = text};
    buffer_init(&finding->tail, TAIL_MAX);
}

enum status imap_search_header(struct imap_message *message, struct text name, struct text text,
                               bool *found)
{
    struct finding finding;
    const struct imap_text_sink sink = {&finding, begin, take};
    *found = false;
    if (is_ruled_out(message, text))
        return OK;
    finding_init(&finding, text);
    enum status status = imap_text_field(message, name, &sink);
    *found = finding.found;
    buffer_finish(&finding.tail);
    return status;
}

enum status imap_search_body(struct imap_message *message, struct text text, bool with_header,
                             bool *found)
{
    struct finding finding;
    const struct imap_text_sink sink = {&finding, begin, take};
    *found = text.length == 0;
    if (*found || is_ruled_out(message, text))
        return OK;
    finding_init(&finding, text);
    enum status status = with_header ? imap_text_header(message, &sink) : OK;
    if (status == OK && !finding.found)
        status = imap_text_body(message, &sink);
    *found = finding.found;
    buffer_finish(&finding.tail);
    return status;
}

/* Fuzzily */

static void begin_fuzzy(void *context)
{
    fuzzy_break(context);
}

static bool take_fuzzy(void *context, struct text folded)
{
    fuzzy_feed(context, folded);
    return true;
}

enum status imap_search_fuzzy(struct imap_message *message, const struct imap_search_key *key,
                              unsigned *score)
{
    struct fuzzy fuzzy;
    const struct imap_text_sink sink = {&fuzzy, begin_fuzzy, take_fuzzy};
    enum status status = OK;
    fuzzy_init(&fuzzy, key->text);
    if (key->op == SEARCH_HEADER)
        status = imap_text_field(message, key->name, &sink);
    if (key->op == SEARCH_TEXT)
        status = imap_text_header(message, &sink);
    if (status == OK && key->op != SEARCH_HEADER)
        status = imap_text_body(message, &sink);
    fuzzy_break(&fuzzy);
    *score = status == OK ? fuzzy_score(&fuzzy) : 0;
    fuzzy_finish(&fuzzy);
    return status;
}
