/* Whether a message fits search keys. */
#include "base/check.h"
#include "base/clock.h"
#include "mail/date.h"
#include "mail/fuzzy.h"
#include "mail/header.h"
#include "proto/imap/message/imap_flags.h"
#include "proto/imap/search/imap_search.h"

static int64_t day_of(int64_t date_ms)
{
    return date_ms / DAY - (date_ms % DAY < 0);
}

static int64_t saved_ms(const struct mailbox_entry *entry)
{
    return entry->saved_s == 0 ? entry->date_ms : (int64_t)entry->saved_s * SECOND;
}

static bool entry_matches(const struct view *view, const struct mailbox_entry *entry,
                          const struct imap_search_key *key)
{
    int64_t number = (int64_t)key->number;
    switch (key->op) {
    case SEARCH_ALL:
        return true;
    case SEARCH_SET:
        return imap_set_has(&key->set, entry->uid) ||
               (key->has_last && entry->uid == view_last_uid(view));
    case SEARCH_FLAGS:
        return (entry->flags & key->flags) == key->flags;
    case SEARCH_KEYWORD:
        return (entry->flags & mailbox_keyword_find(view->box, key->text)) != 0;
    case SEARCH_BEFORE:
        return day_of(entry->date_ms) < number;
    case SEARCH_ON:
        return day_of(entry->date_ms) == number;
    case SEARCH_SINCE:
        return day_of(entry->date_ms) >= number;
    case SEARCH_SAVED_BEFORE:
        return day_of(saved_ms(entry)) < number;
    case SEARCH_SAVED_ON:
        return day_of(saved_ms(entry)) == number;
    case SEARCH_SAVED_SINCE:
        return day_of(saved_ms(entry)) >= number;
    case SEARCH_MODSEQ:
        return entry->modseq >= key->number;
    case SEARCH_EMAIL:
        return entry->message == key->number;
    case SEARCH_OLDER:
        return entry->date_ms <= clock_wall_ms() - number * SECOND;
    case SEARCH_YOUNGER:
        return entry->date_ms >= clock_wall_ms() - number * SECOND;
    default: /* NOTHING, and what is not of the entry */
        return false;
    }
}

/* The day as its writer had it: without the zone (RFC 9051 6.4.4). */
static bool sent_day(struct text field, int64_t *day)
{
    int64_t date_ms;
    size_t end = text_find_last(field, ':');
    if (end == field.length)
        return false;
    while (++end < field.length && field.data[end] >= '0' && field.data[end] <= '9')
        continue;
    if (!mail_date_parse(text_head(field, end), &date_ms))
        return false;
    *day = day_of(date_ms);
    return true;
}

static enum status sent_matches(struct imap_message *message, const struct imap_search_key *key,
                                bool *fits)
{
    const struct imap_header *header;
    struct header_field field;
    int64_t day, number = (int64_t)key->number;
    *fits = false;
    enum status status = imap_message_header(message, &header);
    if (status != OK || !header_find(header->fields, TEXT("Date"), &field) ||
        !sent_day(header_unfold(field.body, &message->arena), &day))
        return status;
    *fits = key->op == SEARCH_SENT_BEFORE  ? day < number
            : key->op == SEARCH_SENT_SINCE ? day >= number
                                           : day == number;
    return OK;
}

static enum status size_matches(struct imap_message *message, const struct imap_search_key *key,
                                bool *fits)
{
    uint64_t size;
    enum status status = imap_message_told_size(message, &size);
    *fits = status == OK && (key->op == SEARCH_LARGER ? size > key->number : size < key->number);
    return status;
}

/* AND: all, OR: any. The depth is bounded by the reader. */
static enum status group_matches(const struct view *view, struct imap_message *message,
                                 const struct imap_search_key *key, bool *fits)
{
    bool is_and = key->op == SEARCH_AND;
    enum status status = OK;
    *fits = is_and;
    for (const struct imap_search_key *inner = key->inner;
         inner != NULL && status == OK && *fits == is_and; inner = inner->next)
        status = imap_search_matches(view, message, inner, fits);
    return status;
}

static enum status fuzzy_matches(struct imap_message *message, const struct imap_search_key *key,
                                 bool *fits)
{
    unsigned score;
    enum status status = imap_search_fuzzy(message, key, &score);
    *fits = score > 0;
    message->score_sum += score;
    message->scores += score > 0;
    return status;
}

unsigned imap_message_score(const struct imap_message *message)
{
    return message->scores == 0 ? FUZZY_BEST : message->score_sum / message->scores;
}

enum status imap_search_matches(const struct view *view, struct imap_message *message,
                                const struct imap_search_key *key, bool *fits)
{
    enum status status = OK;
    *fits = false;
    switch (key->op) {
    case SEARCH_AND:
    case SEARCH_OR:
        return group_matches(view, message, key, fits);
    case SEARCH_NOT:
        status = imap_search_matches(view, message, key->inner, fits);
        *fits = !*fits;
        return status;
    case SEARCH_LARGER:
    case SEARCH_SMALLER:
        return size_matches(message, key, fits);
    case SEARCH_SENT_BEFORE:
    case SEARCH_SENT_ON:
    case SEARCH_SENT_SINCE:
        return sent_matches(message, key, fits);
    case SEARCH_HEADER:
        if (key->is_fuzzy)
            return fuzzy_matches(message, key, fits);
        return imap_search_header(message, key, fits);
    case SEARCH_BODY:
    case SEARCH_TEXT:
        if (key->is_fuzzy)
            return fuzzy_matches(message, key, fits);
        return imap_search_body(message, key, fits);
    default:
        *fits = entry_matches(view, &message->entry, key);
        return OK;
    }
}
