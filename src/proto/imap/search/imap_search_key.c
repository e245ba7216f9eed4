/* Reading search keys, and the filters that stand for some (RFC 5466). */
#include "account/annotation.h"
#include "base/check.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/fold.h"
#include "proto/imap/imap_ids.h"
#include "proto/imap/message/imap_flags.h"
#include "proto/imap/search/imap_search.h"

enum { DEPTH_MOST = 50, KEYS_MOST = 1000, DAY_MS = 86400000 };

enum argument {
    ARGUMENT_NONE,
    ARGUMENT_STRING,
    ARGUMENT_KEYWORD,
    ARGUMENT_DATE,
    ARGUMENT_NUMBER,
    ARGUMENT_SECONDS,
    ARGUMENT_FIELD, /* a field's name and a string */
    ARGUMENT_SET,   /* of UIDs */
    ARGUMENT_MODSEQ,
    ARGUMENT_EMAIL, /* an EMAILID */
    ARGUMENT_KEY,   /* one */
    ARGUMENT_FUZZY, /* one, which is meant so */
    ARGUMENT_NAME,  /* of a filter (RFC 5466) */
    ARGUMENT_TWO_KEYS,
};

/* name: the field that the key is about. */
static const struct row {
    const char *word;
    enum argument argument;
    enum imap_search_op op;
    enum imap_search_cost cost;
    uint64_t flags;
    bool is_not;
    const char *name;
} rows[] = {
    {"ALL", ARGUMENT_NONE, SEARCH_ALL, COST_ENTRY},
    {"ANSWERED", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_ANSWERED},
    {"BCC", ARGUMENT_STRING, SEARCH_HEADER, COST_HEADER, .name = "Bcc"},
    {"BEFORE", ARGUMENT_DATE, SEARCH_BEFORE, COST_ENTRY},
    {"BODY", ARGUMENT_STRING, SEARCH_BODY, COST_BODY},
    {"CC", ARGUMENT_STRING, SEARCH_HEADER, COST_HEADER, .name = "Cc"},
    {"DELETED", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_DELETED},
    {"DRAFT", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_DRAFT},
    {"EMAILID", ARGUMENT_EMAIL, SEARCH_EMAIL, COST_ENTRY},
    {"FILTER", ARGUMENT_NAME, SEARCH_AND, COST_ENTRY},
    {"FLAGGED", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_FLAGGED},
    {"FROM", ARGUMENT_STRING, SEARCH_HEADER, COST_HEADER, .name = "From"},
    {"FUZZY", ARGUMENT_FUZZY, SEARCH_AND, COST_ENTRY},
    {"HEADER", ARGUMENT_FIELD, SEARCH_HEADER, COST_HEADER},
    {"KEYWORD", ARGUMENT_KEYWORD, SEARCH_KEYWORD, COST_ENTRY},
    {"LARGER", ARGUMENT_NUMBER, SEARCH_LARGER, COST_ENTRY},
    {"MODSEQ", ARGUMENT_MODSEQ, SEARCH_MODSEQ, COST_ENTRY},
    {"NEW", ARGUMENT_NONE, SEARCH_NOTHING, COST_ENTRY},
    {"NOT", ARGUMENT_KEY, SEARCH_NOT, COST_ENTRY},
    {"OLD", ARGUMENT_NONE, SEARCH_ALL, COST_ENTRY},
    {"OLDER", ARGUMENT_SECONDS, SEARCH_OLDER, COST_ENTRY},
    {"ON", ARGUMENT_DATE, SEARCH_ON, COST_ENTRY},
    {"OR", ARGUMENT_TWO_KEYS, SEARCH_OR, COST_ENTRY},
    {"RECENT", ARGUMENT_NONE, SEARCH_NOTHING, COST_ENTRY},
    {"SAVEDATESUPPORTED", ARGUMENT_NONE, SEARCH_ALL, COST_ENTRY},
    {"SAVEDBEFORE", ARGUMENT_DATE, SEARCH_SAVED_BEFORE, COST_ENTRY},
    {"SAVEDON", ARGUMENT_DATE, SEARCH_SAVED_ON, COST_ENTRY},
    {"SAVEDSINCE", ARGUMENT_DATE, SEARCH_SAVED_SINCE, COST_ENTRY},
    {"SEEN", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_SEEN},
    {"SENTBEFORE", ARGUMENT_DATE, SEARCH_SENT_BEFORE, COST_HEADER},
    {"SENTON", ARGUMENT_DATE, SEARCH_SENT_ON, COST_HEADER},
    {"SENTSINCE", ARGUMENT_DATE, SEARCH_SENT_SINCE, COST_HEADER},
    {"SINCE", ARGUMENT_DATE, SEARCH_SINCE, COST_ENTRY},
    {"SMALLER", ARGUMENT_NUMBER, SEARCH_SMALLER, COST_ENTRY},
    {"SUBJECT", ARGUMENT_STRING, SEARCH_HEADER, COST_HEADER, .name = "Subject"},
    {"TEXT", ARGUMENT_STRING, SEARCH_TEXT, COST_BODY},
    {"THREADID", ARGUMENT_KEYWORD, SEARCH_NOTHING, COST_ENTRY},
    {"TO", ARGUMENT_STRING, SEARCH_HEADER, COST_HEADER, .name = "To"},
    {"UID", ARGUMENT_SET, SEARCH_SET, COST_ENTRY},
    {"UNANSWERED", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_ANSWERED, .is_not = true},
    {"UNDELETED", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_DELETED, .is_not = true},
    {"UNDRAFT", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_DRAFT, .is_not = true},
    {"UNFLAGGED", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_FLAGGED, .is_not = true},
    {"UNKEYWORD", ARGUMENT_KEYWORD, SEARCH_KEYWORD, COST_ENTRY, .is_not = true},
    {"UNSEEN", ARGUMENT_NONE, SEARCH_FLAGS, COST_ENTRY, FLAG_SEEN, .is_not = true},
    {"YOUNGER", ARGUMENT_SECONDS, SEARCH_YOUNGER, COST_ENTRY},
};

struct reading {
    struct imap_session *session;
    struct imap_lex *lex;
    struct text charset;
    struct imap_search *search;
    unsigned depth, count;
    unsigned fuzzy;  /* FUZZY keys around */
    size_t filtered; /* bytes of filters */
};

static struct imap_search_key *read_key(struct reading *in);
static struct imap_search_key *read_keys(struct reading *in);

static struct imap_search_key *key_new(struct reading *in, enum imap_search_op op)
{
    struct imap_search_key *key = arena_alloc(&in->lex->line->arena, sizeof(*key));
    key->op = op;
    key->id = in->count;
    if (++in->count > KEYS_MOST)
        imap_lex_fail(in->lex, "Too many search keys");
    return key;
}

/* "CHARSET utf-8 " of a filter; "": none. */
static struct text read_charset(struct imap_lex *lex)
{
    if (!imap_lex_word(lex, "CHARSET"))
        return TEXT("");
    imap_lex_space(lex);
    struct text charset = imap_lex_astring(lex);
    imap_lex_space(lex);
    if (lex->error == NULL && !charset_is_known(charset))
        imap_lex_fail(lex, "The filter's charset is not known");
    return charset;
}

/* A string in the form in which it is looked for. */
static struct text read_text(struct reading *in)
{
    struct text written = imap_lex_astring(in->lex);
    struct buffer text, folded;
    buffer_init(&text, 8 * IMAP_LITERALS_MAX);
    buffer_init(&folded, 64 * IMAP_LITERALS_MAX);
    struct charset_guess guess = {.charset = in->session->charset};
    struct text charset = in->charset.length == 0 ? TEXT("utf-8") : in->charset;
    charset_to_utf8(charset, written, &guess, &text);
    mail_fold(buffer_text(&text), &folded);
    struct text copy = arena_copy(&in->lex->line->arena, buffer_text(&folded));
    buffer_finish(&text);
    buffer_finish(&folded);
    return copy;
}

/* RFC 6203 5: of other keys than texts nothing comes near. */
static void read_string(struct reading *in, struct imap_search_key *key)
{
    key->text = read_text(in);
    key->is_fuzzy = in->fuzzy > 0 && key->text.length > 0;
}

/* RFC 6203 3 */
static struct imap_search_key *read_fuzzy(struct reading *in)
{
    in->search->has_fuzzy = true;
    in->fuzzy++;
    struct imap_search_key *key = read_key(in);
    in->fuzzy--;
    return key;
}

struct filter {
    struct arena *arena;
    struct text entry, value;
    bool found;
};

static bool take_filter(void *context, struct text name, struct text value)
{
    struct filter *filter = context;
    filter->found = text_equals(name, filter->entry);
    if (filter->found)
        filter->value = arena_copy(filter->arena, value);
    return false;
}

static bool find_filter(const struct reading *in, struct text name, struct text *value)
{
    static const char *const scopes[] = {"/private", "/shared"};
    struct filter filter = {.arena = &in->lex->line->arena};
    struct annotation_scope server = {.store = in->session->store,
                                      .user = in->session->options->user};
    for (unsigned i = 0; i < 2 && !filter.found && text_find(name, '/') == name.length; i++) {
        struct text written =
            arena_printf(filter.arena, "%s/filters/values/%.*s", scopes[i], TEXT_ARG(name));
        if (annotation_name(written, filter.arena, &filter.entry))
            annotation_each(&server, filter.entry, take_filter, &filter);
    }
    *value = filter.value;
    return filter.found;
}

/* RFC 5466 3.1: the user's own filter of this name, else everybody's. What it says is read as if it
 * stood here, but in its own charset, and it brings no literals. How deep filters name each other,
 * and how many keys and bytes they come to, is bounded as for keys that are written out. */
static struct imap_search_key *read_filter(struct reading *in)
{
    struct imap_lex *lex = in->lex, own;
    struct text charset = in->charset, name = imap_lex_atom(lex), value;
    if (lex->error == NULL && !find_filter(in, name, &value)) {
        in->search->missing_filter = name;
        imap_lex_fail(lex, "There is no such filter");
    }
    in->filtered += lex->error == NULL ? value.length : 0;
    if (in->filtered > IMAP_LITERALS_MAX)
        imap_lex_fail(lex, "The filters are too long");
    if (lex->error != NULL)
        return key_new(in, SEARCH_NOTHING);
    imap_lex_begin_text(&own, lex->line, value);
    in->lex = &own;
    in->charset = read_charset(&own);
    struct imap_search_key *key = read_keys(in);
    in->lex = lex;
    in->charset = charset;
    if (!imap_lex_end(&own))
        imap_lex_fail(lex, own.error);
    return key;
}

/* "1-Feb-1994", quoted or not, as days since 1970. */
static uint64_t read_date(struct reading *in)
{
    struct arena *arena = &in->lex->line->arena;
    struct text written = imap_lex_astring(in->lex), day, month;
    int64_t date_ms = 0;
    struct text rest = written;
    bool good = text_split(&rest, '-', &day) && text_split(&rest, '-', &month) && rest.length == 4;
    if (good)
        good = mail_date_parse(arena_printf(arena, "%.*s %.*s %.*s 00:00:00 +0000", TEXT_ARG(day),
                                            TEXT_ARG(month), TEXT_ARG(rest)),
                               &date_ms);
    if (!good)
        imap_lex_fail(in->lex, "The date is malformed");
    /* Before 1970 counts as its first day. */
    return date_ms < 0 ? 0 : (uint64_t)(date_ms / DAY_MS);
}

/* "$" is copied: it may be saved anew before the search ends. */
static void take_saved(struct reading *in, struct imap_search_key *key)
{
    const struct imap_set *saved = &in->session->saved;
    key->set.ranges = arena_array(&in->lex->line->arena, saved->count, sizeof(*saved->ranges));
    key->set.count = saved->count;
    for (unsigned i = 0; i < saved->count; i++)
        key->set.ranges[i] = saved->ranges[i];
}

/* RFC 7377 2.1: numbers, and "$", are of the selected mailbox. */
static void refuse_in_many(struct reading *in)
{
    if (in->search->is_many)
        imap_lex_fail(in->lex, "Messages of several mailboxes have no common numbers");
}

/* What "*" is, is seen in each mailbox. */
static void resolve_in_many(struct imap_search_key *key)
{
    for (unsigned i = 0; i < key->set.count; i++)
        if (key->set.ranges[i].first == 0 || key->set.ranges[i].last == 0)
            key->has_last = true;
    imap_set_resolve(&key->set, UINT32_MAX);
}

static void read_uids(struct reading *in, struct imap_search_key *key)
{
    imap_lex_set(in->lex, &key->set);
    if (key->set.is_saved)
        refuse_in_many(in);
    if (in->search->is_many)
        resolve_in_many(key);
    else if (key->set.is_saved)
        take_saved(in, key);
    else
        imap_set_resolve(&key->set, view_last_uid(&in->session->view));
}

/* RFC 7162 3.1.5: an entry's name and type may stand before the number; flags have but one
 * mod-sequence here. */
static uint64_t read_modseq(struct reading *in)
{
    in->session->enabled |= IMAP_ENABLED_CONDSTORE;
    in->search->has_modseq = true;
    if (imap_lex_peek(in->lex) == '"') {
        imap_lex_string(in->lex);
        imap_lex_space(in->lex);
        if (!imap_lex_word(in->lex, "priv") && !imap_lex_word(in->lex, "shared") &&
            !imap_lex_word(in->lex, "all"))
            imap_lex_fail(in->lex, "The entry's type is missing");
        imap_lex_space(in->lex);
    }
    return imap_lex_number64(in->lex);
}

static void read_argument(struct reading *in, const struct row *row, struct imap_search_key *key)
{
    struct imap_lex *lex = in->lex;
    if (row->argument != ARGUMENT_NONE)
        imap_lex_space(lex);
    switch (row->argument) {
    case ARGUMENT_NONE:
        break;
    case ARGUMENT_FIELD:
        key->name = imap_lex_astring(lex);
        imap_lex_space(lex);
        read_string(in, key);
        break;
    case ARGUMENT_STRING:
        read_string(in, key);
        break;
    case ARGUMENT_KEYWORD:
        key->text = imap_lex_atom(lex);
        break;
    case ARGUMENT_DATE:
        key->number = read_date(in);
        break;
    case ARGUMENT_NUMBER:
        key->number = imap_lex_number64(lex);
        /* A size: what is shown may have to be looked up. */
        if (in->session->showing.to != REDUCED_TO_BOTH)
            key->cost = COST_HEADER;
        break;
    case ARGUMENT_SECONDS:
        key->number = imap_lex_nonzero(lex);
        break;
    case ARGUMENT_SET:
        read_uids(in, key);
        break;
    case ARGUMENT_EMAIL:
        key->number = imap_email_of(&in->session->showing, imap_lex_atom(lex));
        break;
    case ARGUMENT_MODSEQ:
        key->number = read_modseq(in);
        break;
    case ARGUMENT_TWO_KEYS:
        key->inner = read_key(in);
        imap_lex_space(lex);
        key->inner->next = read_key(in);
        key->cost = key->inner->next->cost;
        break;
    case ARGUMENT_KEY:
        key->inner = read_key(in);
        break;
    case ARGUMENT_FUZZY:
        key->inner = read_fuzzy(in);
        break;
    case ARGUMENT_NAME:
        key->inner = read_filter(in);
        break;
    }
    if (key->inner != NULL && key->cost < key->inner->cost)
        key->cost = key->inner->cost;
}

static struct imap_search_key *negate(struct reading *in, struct imap_search_key *key)
{
    struct imap_search_key *not = key_new(in, SEARCH_NOT);
    not ->inner = key;
    not ->cost = key->cost;
    return not ;
}

static struct imap_search_key *read_word(struct reading *in)
{
    struct text word = imap_lex_atom(in->lex);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row *row = &rows[i];
        if (!text_equals_nocase(word, text_from(row->word)))
            continue;
        struct imap_search_key *key = key_new(in, row->op);
        key->cost = row->cost;
        key->flags = row->flags;
        key->name = text_from(row->name);
        read_argument(in, row, key);
        return row->is_not ? negate(in, key) : key;
    }
    imap_lex_fail(in->lex, "Search key not known");
    return key_new(in, SEARCH_NOTHING);
}

/* Message numbers. */
static struct imap_search_key *read_set(struct reading *in)
{
    struct imap_search_key *key = key_new(in, SEARCH_SET);
    imap_lex_set(in->lex, &key->set);
    refuse_in_many(in);
    if ((in->session->enabled & IMAP_ENABLED_UIDONLY) != 0 && !key->set.is_saved)
        imap_lex_fail(in->lex, IMAP_NUMBERS_REFUSED);
    if (key->set.is_saved)
        take_saved(in, key);
    else if (in->lex->error == NULL && !imap_set_to_uids(&key->set, &in->session->view))
        imap_lex_fail(in->lex, "No such message number");
    return key;
}

/* Never NULL, whatever went wrong. */
static struct imap_search_key *read_key(struct reading *in)
{
    struct imap_search_key *key;
    char next = imap_lex_peek(in->lex);
    if (++in->depth > DEPTH_MOST) {
        imap_lex_fail(in->lex, "Search keys are nested too deep");
        key = key_new(in, SEARCH_NOTHING);
    } else if ((next >= '0' && next <= '9') || next == '*' || next == '$') {
        key = read_set(in);
    } else if (imap_lex_take(in->lex, '(')) {
        key = read_keys(in);
        imap_lex_expect(in->lex, ')');
    } else {
        key = read_word(in);
    }
    in->depth--;
    return key;
}

/* Cheap ones first, else in their order. */
static void insert(struct imap_search_key *and, struct imap_search_key *key)
{
    struct imap_search_key **place = &and->inner;
    while (*place != NULL && (*place)->cost <= key->cost)
        place = &(*place)->next;
    key->next = *place;
    *place = key;
    if (and->cost < key->cost)
        and->cost = key->cost;
}

static struct imap_search_key *read_keys(struct reading *in)
{
    struct imap_search_key *and = key_new(in, SEARCH_AND);
    do
        insert(and, read_key(in));
    while (in->lex->error == NULL && imap_lex_more(in->lex));
    return and;
}

void imap_lex_search(struct imap_search *search, struct text charset)
{
    struct imap_session *session = search->session;
    struct reading in = {
        .session = session, .search = search, .lex = &session->lex, .charset = charset};
    search->keys = read_keys(&in);
}
