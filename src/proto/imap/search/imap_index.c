#include "proto/imap/search/imap_index.h"

#include <stdlib.h>

#include "account/preference.h"
#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "mail/grams.h"
#include "mail/postings.h"
#include "proto/imap/search/imap_blocks.h"
#include "proto/imap/search/imap_text.h"
#include "store/block.h"
#include "store/derived.h"
#include "store/fresh.h"
#include "task/offload.h"
#include "task/pace.h"

enum {
    WORK_US = 2000,  /* at a stretch; a large message takes longer */
    QUIET_MS = 200,  /* without new mail: the store has time */
    BUSY_SHARE = 9,  /* times as long as it worked it waits, while others are at work */
    QUIET_SHARE = 1, /* the same when none is */
    PATIENCE_MS = 5 * SECOND,
    RETRY_MS = 60 * SECOND, /* what could not be read */
};

struct imap_index {
    const struct accounts *accounts;
    struct store *store;
    struct task_pace pace;
    uint64_t told;            /* of fresh mail, when it last looked */
    int64_t patient_until_ms; /* with mail that goes on coming; 0: none has since it was quiet */
};

bool imap_index_may_have(struct imap_message *message, const uint16_t *numbers, unsigned count)
{
    struct buffer encoded;
    buffer_init(&encoded, GRAMS_ENCODED_MAX);
    bool may_have = !imap_message_kept(message, DERIVED_GRAMS, &encoded) ||
                    !grams_are_for(buffer_text(&encoded), message->charset) ||
                    grams_have(buffer_text(&encoded), numbers, count);
    buffer_finish(&encoded);
    return may_have;
}

struct looking {
    struct grams *grams;
    bool is_cut; /* some text was not shown */
    bool is_guessed;
};

static void begin_elsewhere(void *context)
{
    struct looking *looking = context;
    grams_break(looking->grams);
}

static bool take_text(void *context, struct text folded)
{
    struct looking *looking = context;
    grams_feed(looking->grams, folded);
    return true;
}

static void run_aside(void *context, task_function *work, void *argument)
{
    struct looking *looking = context;
    if (task_is_cancelled())
        looking->is_cut = true; /* a stop does not wait for a large message */
    else
        task_offload_spare(work, argument);
}

/* Joined with what is there for readers who guess otherwise, so that they don't take it away from
 * each other. */
static void keep_grams(struct imap_message *message, const struct looking *looking)
{
    const struct charset_guess guess = {message->charset, looking->is_guessed};
    struct buffer encoded;
    buffer_init(&encoded, GRAMS_ENCODED_MAX);
    if (looking->is_guessed &&
        derived_get(message->store, message->entry.message, DERIVED_GRAMS, &encoded))
        grams_join(looking->grams, buffer_text(&encoded));
    grams_set_readers(looking->grams, charset_readers(&guess));
    buffer_reset(&encoded, GRAMS_ENCODED_MAX);
    grams_encode(looking->grams, &encoded);
    derived_put(message->store, message->entry.message, DERIVED_GRAMS, buffer_text(&encoded));
    buffer_finish(&encoded);
}

enum status imap_index_message(struct imap_message *message)
{
    struct looking looking = {grams_new(), false, false};
    const struct imap_text_sink sink = {&looking, begin_elsewhere, take_text, run_aside,
                                        &looking.is_guessed};
    enum status status = imap_text_all(message, &sink);
    if (status == OK && looking.is_cut)
        status = try_later("the index stops");
    if (status == OK)
        keep_grams(message, &looking);
    grams_free(&looking.grams);
    return status;
}

unsigned imap_index_renew(struct store *store, uint64_t mailbox)
{
    enum { AT_ONCE = 256 };
    struct mailbox *box = mailbox_find_id(store, mailbox);
    unsigned count = 0;
    if (box == NULL)
        return 0;
    mailbox_open(box);
    const struct mailbox_entry *entry = mailbox_entry_from(box, 0);
    while (entry != NULL) {
        uint32_t uid = entry->uid;
        derived_forget(store, entry->message, DERIVED_GRAMS);
        if (++count % AT_ONCE == 0)
            task_yield();
        entry = mailbox_entry_from(box, uid + 1);
    }
    mailbox_close(&box);
    blocks_forget(store, mailbox);
    fresh_renew(store, mailbox);
    return count;
}

/* What is outdated */

/* How the entries of a mailbox are looked through, for store/fresh.h. */
static uint16_t version_for(uint8_t charset)
{
    return (uint16_t)(GRAMS_VERSION << 8 | charset);
}

static bool is_known(struct store *store, uint64_t message, uint8_t charset)
{
    struct buffer encoded;
    buffer_init(&encoded, GRAMS_ENCODED_MAX);
    bool is_known = derived_get(store, message, DERIVED_GRAMS, &encoded) &&
                    grams_are_for(buffer_text(&encoded), charset);
    buffer_finish(&encoded);
    return is_known;
}

/* The mailbox's: its owner's. */
static uint8_t charset_of(const struct accounts *accounts, uint64_t mailbox)
{
    const struct mailbox *box = mailbox_find_id(accounts->store, mailbox);
    return box == NULL ? 0 : preference_charset(accounts, mailbox_owner(box));
}

/* What lies behind the blocks and is not known for one who guesses this charset. YIELDS. */
static void renew_behind_blocks(struct store *store, uint64_t mailbox, uint8_t charset)
{
    enum { AT_ONCE = 256 };
    struct mailbox *box = mailbox_find_id(store, mailbox);
    uint32_t uids[AT_ONCE];
    unsigned count = 0, asked = 0;
    if (box == NULL)
        return;
    mailbox_open(box);
    const struct mailbox_entry *entry = mailbox_entry_from(box, blocks_end(store, mailbox) + 1);
    while (entry != NULL) {
        uint32_t uid = entry->uid;
        if (!is_known(store, entry->message, charset))
            uids[count++] = uid;
        if (++asked % AT_ONCE == 0) {
            fresh_renew_some(store, mailbox, uids, count);
            count = 0;
            task_yield();
        }
        entry = mailbox_entry_from(box, uid + 1);
    }
    mailbox_close(&box);
    fresh_renew_some(store, mailbox, uids, count);
}

static bool is_outdated(const struct accounts *accounts, uint64_t mailbox)
{
    return mailbox_find_id(accounts->store, mailbox) != NULL &&
           fresh_version(accounts->store, mailbox) != version_for(charset_of(accounts, mailbox));
}

/* The preference may change meanwhile, so it is looked at again. YIELDS. */
static void renew_what_is_outdated(const struct accounts *accounts, uint64_t mailbox)
{
    struct store *store = accounts->store;
    uint8_t charset;
    do {
        charset = charset_of(accounts, mailbox);
        if (fresh_version(store, mailbox) >> 8 == GRAMS_VERSION) {
            imap_blocks_renew(store, mailbox, charset);
            renew_behind_blocks(store, mailbox, charset);
        } else {
            blocks_forget(store, mailbox);
            fresh_renew(store, mailbox);
        }
        fresh_set_version(store, mailbox, version_for(charset));
    } while (charset != charset_of(accounts, mailbox));
}

struct owned {
    struct text owner; /* "": all */
    uint64_t *ids;
    unsigned count;
};

static void add_owned(void *context, struct mailbox *box)
{
    struct owned *owned = context;
    if (!text_is_empty(owned->owner) && !text_equals(owned->owner, mailbox_owner(box)))
        return;
    owned->ids = array_grow(owned->ids, owned->count, sizeof(*owned->ids));
    owned->ids[owned->count++] = mailbox_id(box);
}

/* Cut short, it goes on at the next start. */
void imap_index_follow(const struct accounts *accounts, struct text owner)
{
    enum { AT_ONCE = 256 };
    struct owned owned = {.owner = owner};
    unsigned renewed = 0;
    mailbox_each(accounts->store, add_owned, &owned);
    for (unsigned i = 0; i < owned.count && !task_is_cancelled(); i++) {
        if (i % AT_ONCE == AT_ONCE - 1)
            task_yield();
        if (!is_outdated(accounts, owned.ids[i]))
            continue;
        renew_what_is_outdated(accounts, owned.ids[i]);
        renewed++;
    }
    if (renewed > 0)
        log_info("search.renewed", "mailboxes=%u", renewed);
    free(owned.ids);
}

/* The task */

/* When the charset is another one by now, it stays fresh. YIELDS. */
static enum status look_through(struct imap_index *index, struct fresh_place place,
                                const struct mailbox_entry *entry)
{
    enum status status = OK;
    uint8_t charset = charset_of(index->accounts, place.mailbox);
    if (!is_known(index->store, entry->message, charset)) {
        struct imap_message message;
        imap_message_init(&message, index->store, entry);
        message.charset = charset;
        status = imap_index_message(&message);
        imap_message_finish(&message);
    }
    if (status == TRY_LATER && task_is_cancelled())
        return status;
    if (status == TRY_LATER)
        log_warning("search.unread", "message=%llu reason=%s", (unsigned long long)entry->message,
                    log_text(text_from(fail_reason())));
    else if (charset == charset_of(index->accounts, place.mailbox))
        fresh_done(index->store, place);
    return status;
}

static bool is_wanted(const struct imap_index *index, uint64_t mailbox)
{
    const struct mailbox *box = mailbox_find_id(index->store, mailbox);
    return box != NULL &&
           preference_get(index->accounts, mailbox_owner(box), PREFERENCE_SEARCH_INDEX) != 0;
}

/* Until no mail has come for a moment, or it has gone on for long. YIELDS. */
static void wait_for_quiet(struct imap_index *index)
{
    struct task_event *news = fresh_news(index->store);
    if (index->patient_until_ms == 0)
        index->patient_until_ms = clock_monotonic_ms() + PATIENCE_MS;
    bool is_quiet = false;
    while (!is_quiet && !task_is_cancelled() && clock_monotonic_ms() < index->patient_until_ms)
        is_quiet = task_event_wait(news, clock_monotonic_ms() + QUIET_MS) != OK;
    if (is_quiet)
        index->patient_until_ms = 0;
    index->told = fresh_told(index->store);
}

/* Give the time back, now and then: mail that comes in is more urgent, and so are sessions. YIELDS.
 */
static void rest(void *context)
{
    struct imap_index *index = context;
    int64_t worked_us = task_pace_worked_us(&index->pace);
    if (worked_us < WORK_US)
        return;
    if (fresh_told(index->store) != index->told)
        wait_for_quiet(index);
    uint64_t own_turn = task_turns() + 1;
    bool is_busy = task_event_wait(fresh_news(index->store), clock_monotonic_ms() + 1) == OK ||
                   task_turns() > own_turn;
    task_pace_rest(&index->pace, worked_us * (is_busy ? BUSY_SHARE : QUIET_SHARE));
}

/* Of a mailbox that was looked through up to a UID. YIELDS. */
static void make_blocks(struct imap_index *index, uint64_t mailbox, uint32_t before)
{
    const struct imap_blocks_pause pause = {rest, index};
    uint8_t charset = charset_of(index->accounts, mailbox);
    imap_blocks_make(index->store, mailbox, before, charset, &pause);
    uint8_t charset_now = charset_of(index->accounts, mailbox);
    if (charset_now != charset)
        imap_blocks_renew(index->store, mailbox, charset_now);
}

/* What is fresh in the mailbox of this place and behind it; *place is moved to the next one. False:
 * some of it can't be read. YIELDS. */
static bool look_through_mailbox(struct imap_index *index, struct fresh_place *place)
{
    struct mailbox_entry entry;
    uint64_t mailbox = place->mailbox;
    bool is_all = true;
    /* All of it is fresh when nothing was said yet. */
    if (fresh_version(index->store, mailbox) == 0)
        fresh_set_version(index->store, mailbox, version_for(charset_of(index->accounts, mailbox)));
    for (unsigned count = 1; !task_is_cancelled() && fresh_next(index->store, place, &entry) &&
                             place->mailbox == mailbox && is_wanted(index, mailbox);
         count++) {
        is_all &= look_through(index, *place, &entry) != TRY_LATER;
        place->uid++;
        if (count % BLOCK_MEMBERS == 0)
            make_blocks(index, mailbox, place->uid);
        rest(index);
    }
    const struct mailbox *box = mailbox_find_id(index->store, mailbox);
    if (box != NULL && !task_is_cancelled() && is_wanted(index, mailbox))
        make_blocks(index, mailbox, mailbox_uid_next(box));
    *place = (struct fresh_place){mailbox + 1, 0};
    return is_all;
}

/* What is fresh now, but for what can't be read and what nobody wants; more may come meanwhile,
 * also before the place we are at. YIELDS. */
static void look_through_all(struct imap_index *index, bool *is_all)
{
    struct mailbox_entry entry;
    struct fresh_place place = {0, 0};
    *is_all = true;
    task_pace_begin(&index->pace);
    index->told = fresh_told(index->store);
    while (!task_is_cancelled() && fresh_next(index->store, &place, &entry)) {
        *is_all &= look_through_mailbox(index, &place);
        rest(index);
    }
}

/* Until there is more than was told when `told` was, and the store has time for it, or has had none
 * for long. YIELDS. */
static void wait_for_more(struct imap_index *index, uint64_t told, int64_t deadline_ms)
{
    if (fresh_told(index->store) == told)
        task_event_wait(fresh_news(index->store), deadline_ms);
    index->patient_until_ms = 0;
    wait_for_quiet(index);
}

static void index_task(void *argument)
{
    struct imap_index *index = argument;
    imap_index_follow(index->accounts, TEXT(""));
    while (!task_is_cancelled()) {
        bool is_all;
        uint64_t told = fresh_told(index->store);
        look_through_all(index, &is_all);
        wait_for_more(index, told, is_all ? NO_DEADLINE : clock_monotonic_ms() + RETRY_MS);
    }
    free(index);
}

void imap_index_begin(struct task_group *group, const struct accounts *accounts)
{
    struct imap_index *index = calloc(1, sizeof(*index));
    check(index != NULL);
    index->accounts = accounts;
    index->store = accounts->store;
    task_spawn(group, "search index", index_task, index);
}
