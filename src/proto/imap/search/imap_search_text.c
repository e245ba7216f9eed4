/* Looking for text in what a message shows of itself (imap_text.h). */
#include "base/check.h"
#include "mail/fuzzy.h"
#include "proto/imap/search/imap_search.h"
#include "proto/imap/search/imap_text.h"
#include "proto/imap/search/imap_words.h"

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

static void finding_init(struct finding *finding, struct text text)
{
    *finding = (struct finding){.text = text};
    buffer_init(&finding->tail, TAIL_MAX);
}

/* Does the index say whether it fits? */
static bool is_known(struct imap_message *message, const struct imap_search_key *key, bool *found)
{
    enum imap_words_answer answer = imap_words_ask(message->words, message, key);
    *found = answer == WORDS_YES;
    return answer != WORDS_UNKNOWN;
}

enum status imap_search_header(struct imap_message *message, const struct imap_search_key *key,
                               bool *found)
{
    struct finding finding;
    const struct imap_text_sink sink = {&finding, begin, take, NULL, NULL};
    *found = false;
    if (key->text.length > 0 && is_known(message, key, found))
        return OK;
    finding_init(&finding, key->text);
    enum status status = imap_text_field(message, key->name, &sink);
    *found = finding.found;
    buffer_finish(&finding.tail);
    return status;
}

enum status imap_search_body(struct imap_message *message, const struct imap_search_key *key,
                             bool *found)
{
    struct finding finding;
    const struct imap_text_sink sink = {&finding, begin, take, NULL, NULL};
    *found = key->text.length == 0;
    if (*found || is_known(message, key, found))
        return OK;
    finding_init(&finding, key->text);
    enum status status =
        key->op == SEARCH_TEXT ? imap_text_whole(message, &sink) : imap_text_body(message, &sink);
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
    const struct imap_text_sink sink = {&fuzzy, begin_fuzzy, take_fuzzy, NULL, NULL};
    enum status status = OK;
    fuzzy_init(&fuzzy, key->text);
    if (key->op == SEARCH_HEADER)
        status = imap_text_field(message, key->name, &sink);
    else if (key->op == SEARCH_TEXT)
        status = imap_text_whole(message, &sink);
    else
        status = imap_text_body(message, &sink);
    fuzzy_break(&fuzzy);
    *score = status == OK ? fuzzy_score(&fuzzy) : 0;
    fuzzy_finish(&fuzzy);
    return status;
}
