/* SORT and UID SORT (RFC 5256), by what is shown too (RFC 5957), with results of one's choice
 * (ESORT, RFC 5267 3). Of each message one key of bytes is composed, so that comparing messages is
 * comparing bytes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/wire.h"
#include "mail/fuzzy.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/search/imap_facts.h"
#include "proto/imap/search/imap_search.h"

enum criterion {
    SORT_ARRIVAL,
    SORT_SIZE,
    SORT_DATE,
    SORT_TEXT, /* a fact */
    SORT_RELEVANCY,
};

static const struct sort_row {
    const char *name;
    enum criterion criterion;
    enum imap_fact fact;
} rows[] = {
    {"ARRIVAL", SORT_ARRIVAL},
    {"CC", SORT_TEXT, FACT_CC},
    {"DATE", SORT_DATE},
    {"FROM", SORT_TEXT, FACT_FROM},
    {"SIZE", SORT_SIZE},
    {"SUBJECT", SORT_TEXT, FACT_SUBJECT},
    {"TO", SORT_TEXT, FACT_TO},
    {"DISPLAYFROM", SORT_TEXT, FACT_DISPLAY_FROM},
    {"DISPLAYTO", SORT_TEXT, FACT_DISPLAY_TO},
    {"RELEVANCY", SORT_RELEVANCY},
};
enum { ROWS = sizeof(rows) / sizeof(*rows), KEYS_MAX = 512 << 20 };

struct sort_criterion {
    const struct sort_row *row;
    bool is_reverse;
};

struct sorted {
    size_t start;
    uint32_t length, uid;
    unsigned score;
};

struct sort {
    struct imap_search search;
    struct sort_criterion criteria[ROWS];
    unsigned criterion_count;
    bool needs_facts, needs_fuzzy, needs_size;
    struct buffer keys;
    struct sorted *messages;
    size_t count, capacity;
};

static const struct sort_row *read_row(struct imap_lex *lex)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (imap_lex_word(lex, rows[i].name))
            return &rows[i];
    imap_lex_fail(lex, "Sort criterion not known");
    return &rows[0];
}

static void add_criterion(struct sort *sort, const struct sort_row *row, bool is_reverse)
{
    /* Said again it decides nothing any more. */
    for (unsigned i = 0; i < sort->criterion_count; i++)
        if (sort->criteria[i].row == row)
            return;
    sort->criteria[sort->criterion_count++] = (struct sort_criterion){row, is_reverse};
    if (row->criterion == SORT_TEXT || row->criterion == SORT_DATE)
        sort->needs_facts = true;
    if (row->criterion == SORT_RELEVANCY)
        sort->needs_fuzzy = true;
    if (row->criterion == SORT_SIZE)
        sort->needs_size = true;
}

/* "(SUBJECT REVERSE DATE)" */
static void read_criteria(struct sort *sort)
{
    struct imap_lex *lex = &sort->search.session->lex;
    imap_lex_expect(lex, '(');
    do {
        bool is_reverse = imap_lex_word(lex, "REVERSE");
        if (is_reverse)
            imap_lex_space(lex);
        add_criterion(sort, read_row(lex), is_reverse);
    } while (lex->error == NULL && imap_lex_more(lex));
    imap_lex_expect(lex, ')');
    imap_lex_space(lex);
}

/* False when answered. YIELDS. */
static bool read_sort(struct sort *sort)
{
    struct imap_lex *lex = &sort->search.session->lex;
    imap_lex_space(lex);
    if (imap_lex_word(lex, "RETURN")) {
        imap_lex_results(&sort->search);
        imap_lex_space(lex);
    }
    read_criteria(sort);
    struct text charset = imap_lex_astring(lex);
    imap_lex_space(lex);
    if (!imap_lex_criteria(&sort->search, charset))
        return false;
    if (!sort->needs_fuzzy || sort->search.has_fuzzy)
        return true;
    imap_bad(sort->search.session, "Without a FUZZY key nothing has a relevancy"); /* RFC 6203 6 */
    return false;
}

/* Dates before 1970 come before the others. */
static void put_signed(struct buffer *out, int64_t number)
{
    wire_put_u64(out, (uint64_t)number ^ (UINT64_C(1) << 63));
}

/* Texts hold no NUL, so one ends them: the shorter of two is the lower. */
static void put_text(struct buffer *out, struct text text)
{
    buffer_append(out, text);
    buffer_append_byte(out, '\0');
}

static void put_key(struct buffer *out, const struct sort_criterion *criterion,
                    const struct imap_message *message, uint64_t size,
                    const struct imap_facts *facts)
{
    size_t start = out->length;
    switch (criterion->row->criterion) {
    case SORT_ARRIVAL:
        put_signed(out, message->entry.date_ms);
        break;
    case SORT_SIZE:
        wire_put_u64(out, size);
        break;
    case SORT_DATE:
        put_signed(out, facts->sent_ms);
        break;
    case SORT_TEXT:
        put_text(out, facts->texts[criterion->row->fact]);
        break;
    case SORT_RELEVANCY: /* the best come first */
        wire_put_u8(out, (uint8_t)(FUZZY_BEST - imap_message_score(message)));
        break;
    }
    for (size_t i = start; criterion->is_reverse && i < out->length; i++)
        out->data[i] = (char)~out->data[i];
}

/* A message that fits: compose its key. YIELDS. */
static enum status add_message(void *context, struct imap_message *message)
{
    struct sort *sort = context;
    struct imap_facts facts = {0};
    uint64_t told = 0;
    enum status status = sort->needs_facts ? imap_message_facts(message, &facts) : OK;
    if (status == OK && sort->needs_size)
        status = imap_message_told_size(message, &told);
    if (status != OK)
        return status;
    size_t start = sort->keys.length;
    for (unsigned i = 0; i < sort->criterion_count; i++)
        put_key(&sort->keys, &sort->criteria[i], message, told, &facts);
    if (sort->keys.overflowed)
        return try_later("there is too much to sort at once");
    if (sort->count == sort->capacity) {
        /* Until it is as much again. */
        size_t more = sort->keys.capacity + 2 * sort->capacity * sizeof(*sort->messages);
        if (memory_ask(MEMORY_FOR_COMMAND, more) != OK)
            return TRY_LATER;
        sort->capacity = sort->capacity == 0 ? 256 : sort->capacity * 2;
        sort->messages = realloc(sort->messages, sort->capacity * sizeof(*sort->messages));
        check(sort->messages != NULL);
    }
    sort->messages[sort->count++] =
        (struct sorted){start, (uint32_t)(sort->keys.length - start), message->entry.uid,
                        imap_message_score(message)};
    return OK;
}

/* Equal ones stay in the order of their numbers. */
static int compare(const void *a, const void *b, void *context)
{
    const struct sorted *left = a, *right = b;
    const char *keys = context;
    int order = text_compare(text_of(keys + left->start, left->length),
                             text_of(keys + right->start, right->length));
    return order != 0 ? order : left->uid < right->uid ? -1 : 1;
}

static void answer_plain(const struct sort *sort)
{
    struct imap_session *session = sort->search.session;
    buffer_append(&session->out, TEXT("* SORT"));
    for (size_t i = 0; i < sort->count; i++) {
        uint32_t uid = sort->messages[i].uid;
        bool is_by_uid = imap_is_by_uid(session);
        buffer_printf(&session->out, " %u", is_by_uid ? uid : view_number(&session->view, uid));
    }
    if (sort->search.has_modseq && sort->count > 0)
        buffer_printf(&session->out, " (MODSEQ %" PRIu64 ")", sort->search.modseq);
    buffer_append(&session->out, TEXT("\r\n"));
    imap_send(session);
}

static void answer(struct sort *sort)
{
    if (sort->count > 0)
        qsort_r(sort->messages, sort->count, sizeof(*sort->messages), compare, sort->keys.data);
    if (!sort->search.is_extended) {
        answer_plain(sort);
        return;
    }
    for (size_t i = 0; i < sort->count; i++)
        imap_search_add(&sort->search, sort->messages[i].uid, sort->messages[i].score);
    imap_search_answer(&sort->search);
}

void imap_sort(struct imap_session *session)
{
    struct sort sort = {0};
    imap_search_init(&sort.search, session);
    if (!read_sort(&sort)) {
        imap_search_save(&sort.search, true);
        imap_search_finish(&sort.search);
        return;
    }
    buffer_init(&sort.keys, KEYS_MAX);
    enum status status = imap_search_run(&sort.search, add_message, &sort);
    if (status == OK)
        answer(&sort);
    imap_search_save(&sort.search, status != OK);
    if (status == OK)
        imap_ok(session, "", "Sorted");
    else
        imap_fail(session, status);
    buffer_finish(&sort.keys);
    imap_search_finish(&sort.search);
    free(sort.messages);
}
