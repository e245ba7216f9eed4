#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "message.h"
#include "people.h"
#include "queue/queue.h"
#include "rot.h"
#include "store/mailbox.h"
#include "store/store.h"

enum { READ_MOST = 4 << 20 };

struct found {
    uint16_t expired;  /* those of whom it said that it was for the time */
    uint16_t returned; /* bits: recipients that the sender was told about */
};

struct looking {
    struct ledger *ledger;
    struct found *found; /* by message */
    const struct excuses *excuses;
    struct store *store;
    bool has_rot;                    /* this site */
    bool has_bad_report;             /* some site */
    unsigned site, damaged, differs; /* of this site: what verify told */
};

static void complain(struct looking *looking, enum wrong wrong, const char *what, uint32_t number,
                     unsigned recipient)
{
    char address[LEDGER_ADDRESS_BYTES] = "-";
    if (recipient < RECIPIENTS)
        ledger_address(recipient, address);
    ledger_wrong(looking->ledger, wrong, "%s: message %u for %s", what, number, address);
}

/* The site that took it knows all its recipients. */
static bool is_from_first_hand(const struct ledger_message *message)
{
    return message->by_group_of == 0 || message->by_group_of == 1 + message->site;
}

/* One server has seen all the way of it, and must give it once. */
static bool is_in_one_hand(const struct ledger_message *message, unsigned recipient)
{
    return ledger_site(recipient) == message->site && is_from_first_hand(message);
}

/* Of the recipient that a report goes on with. */
static struct text status_behind(struct text report)
{
    static const struct text field = TEXT("Status: ");
    report = text_from_position(report, text_find_text(report, field));
    return text_trim(text_after(text_before(report, '\r'), ' '));
}

/* Who a report says has not got it. */
static void take_report(struct looking *looking, struct text report, uint32_t number)
{
    static const struct text field = TEXT("Final-Recipient: rfc822;");
    for (size_t at; (at = text_find_text(report, field)) + field.length < report.length;) {
        report = text_from_position(report, at + field.length);
        char address[64];
        struct text value = text_trim(text_before(report, '\r'));
        snprintf(address, sizeof(address), "%.*s", TEXT_ARG(value));
        looking->found[number].returned |= people_meant(address);
        if (text_equals(status_behind(report), TEXT("5.4.7")))
            looking->found[number].expired |= people_meant(address);
    }
}

/* What can't be read had its bytes on a sector that is rotten now; nobody need have seen it yet,
 * and of what was removed and is kept it is not known what it was. A report about such a message
 * comes without it. */
static bool is_rotten(const struct looking *looking, const struct shelf_place *place, bool is_read)
{
    if (is_read)
        return place == NULL && looking->ledger->rot_count > 0;
    return place == NULL || place->number == 0
               ? looking->has_rot
               : looking->ledger->messages[place->number - 1].rotten;
}

/* MESSAGES_MAX: none of ours. Reports are read. place: NULL when it is not one of a user. */
static uint32_t read_entry(struct looking *looking, const struct mailbox_entry *entry,
                           const struct shelf_place *place)
{
    struct buffer bytes;
    buffer_init(&bytes, READ_MOST);
    enum status status = store_read(looking->store, entry->message, 0, READ_MOST - 1024, &bytes);
    uint32_t number = status == OK ? message_number(buffer_text(&bytes)) : MESSAGES_MAX;
    if (number == MESSAGES_MAX && is_rotten(looking, place, status == OK))
        number = place != NULL && place->number > 0 ? place->number - 1 : MESSAGES_MAX;
    else if (number >= looking->ledger->count)
        complain(looking, WRONG_CONTENT, status == OK ? "a message of nobody" : "unreadable",
                 number, RECIPIENTS);
    else if (place == NULL)
        take_report(looking, buffer_text(&bytes), number);
    else if (!message_is_whole(buffer_text(&bytes)))
        complain(looking, WRONG_CONTENT, "not the bytes that were sent", number, RECIPIENTS);
    buffer_finish(&bytes);
    return number;
}

/* The flags that clients use. */
static uint8_t flags_of(const struct mailbox *box, uint64_t flags)
{
    unsigned known = flags & FLAGS_OF_SYSTEM;
    for (unsigned bit = 0; shelf_flag_name(bit) != NULL; bit++)
        if ((flags & mailbox_keyword_find(box, text_from(shelf_flag_name(bit)))) != 0)
            known |= 1u << bit;
    return (uint8_t)known;
}

/* Everything that clients were told of it came before. */
static void compare_entry(struct looking *looking, struct shelf *shelf, const struct mailbox *box,
                          const struct mailbox_entry *entry)
{
    struct ledger *ledger = looking->ledger;
    struct shelf_fact fact = {entry->uid, entry->modseq, flags_of(box, entry->flags)};
    shelf_there(ledger, shelf, entry->uid, UINT32_MAX);
    shelf_told(ledger, shelf, &fact, UINT32_MAX);
    uint32_t number = read_entry(looking, entry, &shelf->places[entry->uid % SHELF_UIDS]);
    if (number < ledger->count)
        shelf_named(ledger, shelf, entry->uid, number);
    if (entry->uid < SHELF_UIDS)
        shelf->places[entry->uid].found = true;
}

/* NULL: not one of a user. */
static struct shelf *shelf_for(struct looking *looking, const struct mailbox *box)
{
    char owner[64], name[64];
    text_copy(mailbox_owner(box), owner, sizeof(owner));
    text_copy(mailbox_name(box), name, sizeof(name));
    return shelf_find(looking->ledger, owner, name);
}

static void compare_mailbox(struct looking *looking, struct shelf *shelf, const struct mailbox *box)
{
    shelf_validity(looking->ledger, shelf, mailbox_uid_validity(box));
    shelf_next(looking->ledger, shelf, mailbox_uid_next(box), shelf->uid_next);
    if (mailbox_modseq(box) < shelf->modseq)
        shelf_wrong(looking->ledger, shelf, 0, "its mod-sequence went back");
}

static void take_mailbox(void *context, struct mailbox *box)
{
    struct looking *looking = context;
    struct shelf *shelf = shelf_for(looking, box);
    unsigned count;
    mailbox_open(box);
    const struct mailbox_entry *lent = mailbox_entries(box, &count);
    struct mailbox_entry *entries = calloc(count + 1, sizeof(*entries));
    check(entries != NULL);
    if (count > 0)
        memcpy(entries, lent, count * sizeof(*entries));
    if (shelf != NULL)
        compare_mailbox(looking, shelf, box);
    for (unsigned i = 0; i < count; i++) {
        if (entries[i].uid >= mailbox_uid_next(box) ||
            (i > 0 && entries[i].uid <= entries[i - 1].uid))
            complain(looking, WRONG_UID, "a UID out of order", entries[i].uid, RECIPIENTS);
        if (shelf != NULL)
            compare_entry(looking, shelf, box, &entries[i]);
        else
            read_entry(looking, &entries[i], NULL);
    }
    free(entries);
    mailbox_close(&box);
}

static void left_in_queue(void *context, const struct queue_view *view)
{
    struct looking *looking = context;
    /* For two days a report waits for bytes that can't be read: they might be had again. */
    if (looking->has_rot && text_equals(text_from(view->state), TEXT("report")))
        return;
    /* What can't be reported to anybody is kept for the administrator: a report that ran out of
     * time, since a clock was set while its server was down. */
    if (text_is_empty(view->sender) && text_equals(text_from(view->state), TEXT("bad"))) {
        looking->has_bad_report = true;
        return;
    }
    ledger_wrong(looking->ledger, WRONG_IN_QUEUE, "still in the queue of %c: %s, from %.*s, %s",
                 'a' + (int)looking->site, view->state, TEXT_ARG(view->sender),
                 view->recipient_count == 0 ? "" : view->recipients[0].address.data);
}

static void said(void *context, const char *line)
{
    struct looking *looking = context;
    bool is_about_index = text_starts_with(text_from(line), TEXT("index:"));
    looking->differs += is_about_index;
    looking->damaged += !is_about_index;
    if (!looking->ledger->is_quiet)
        printf("  verify: %s\n", line);
}

/* All that is rotten is told, and nothing else. */
static void verify_store(struct looking *looking, struct site *site)
{
    looking->damaged = looking->differs = 0;
    bool is_sound = store_verify(looking->store, said, looking) == OK;
    if (looking->differs > 0)
        ledger_wrong(looking->ledger, WRONG_INDEX, "site %s: its index is not what its log says",
                     site->name);
    if (is_sound == looking->has_rot || is_sound != (looking->damaged + looking->differs == 0))
        ledger_wrong(looking->ledger, WRONG_DAMAGE, "site %s: %s", site->name,
                     is_sound ? "damage that is not told" : "its log is damaged");
}

static void look_into(struct looking *looking, struct site *site, struct settings *settings)
{
    char path[160];
    site_store_path(site, path, sizeof(path));
    struct queue *queue = queue_new();
    struct queue_options options = {.directory = path,
                                    .settings = settings,
                                    .segment_bytes = site->disks[SITE_STORE].role.segment_bytes,
                                    .disk = site->disks[SITE_STORE].role.files};
    if (queue_start(queue, &options) != OK) {
        ledger_wrong(looking->ledger, WRONG_START, "site %s does not open: %s", site->name,
                     fail_reason());
    } else {
        looking->store = queue_store(queue);
        looking->has_rot = rot_is_left(looking->ledger, site, looking->site);
        queue_each(queue, 0, left_in_queue, looking);
        mailbox_each(looking->store, take_mailbox, looking);
        for (unsigned i = 0; i < USERS * SHELVES_OF_USER; i++)
            shelf_end(looking->ledger, shelf_of(looking->ledger, looking->site * USERS, 0) + i);
        verify_store(looking, site);
    }
    queue_stop(&queue);
}

/* At most, as the servers see it: in the last epoch nothing waits for longer than it rests. */
static int64_t may_have_lasted_ms(const struct ledger *ledger, const struct ledger_message *message)
{
    return calendar_age_ms(&ledger->calendar, message->sent_ms, ledger->calm_ms + HOUR);
}

/* One message, one recipient. */
static void judge(struct looking *looking, uint32_t number, unsigned recipient)
{
    struct ledger *ledger = looking->ledger;
    const struct ledger_message *message = &ledger->messages[number];
    const struct found *found = &looking->found[number];
    bool is_outside = ledger_site(recipient) == SITES;
    unsigned copies =
        is_outside ? message->arrived[recipient] : shelf_copies(ledger, number, recipient);
    unsigned most = is_outside ? 1 : 1u + message->copied[recipient];
    bool is_expired = (found->expired & 1u << recipient) != 0;
    bool is_local = is_in_one_hand(message, recipient);
    bool is_returned = (found->returned & 1u << recipient) != 0;
    if ((message->accepted & 1u << recipient) == 0) {
        if (copies > 0)
            complain(looking, WRONG_STRANGER, "it has come to whom it was not for", number,
                     recipient);
        return;
    }
    bool has_lasted = may_have_lasted_ms(ledger, message) >= SITE_EXPIRE_HOURS * (int64_t)HOUR;
    bool may_be_lost =
        message->dropped || message->rotten || (looking->has_bad_report && has_lasted);
    if (message->acknowledged && copies == 0 && !is_returned && !may_be_lost)
        complain(looking, WRONG_LOST, "lost", number, recipient);
    bool is_refused = is_returned && !is_outside && !is_expired;
    if (is_refused && !message->sent_back && !message->rotten)
        complain(looking, WRONG_REFUSED, "returned, and there is such a user", number, recipient);
    if (is_expired && !has_lasted)
        complain(looking, WRONG_GIVEN_UP, "given up before its time", number, recipient);
    if (copies > 0 && !is_outside && !message->rotten && shelf_has_lost(ledger, number, recipient))
        complain(looking, WRONG_MOVED, "moved to nowhere", number, recipient);
    bool is_excused = looking->excuses->between;
    if (is_outside && is_from_first_hand(message))
        is_excused = looking->excuses->heard || (message->again & 1u << recipient) == 0;
    if (copies > most && (is_local || !is_excused))
        complain(looking, WRONG_TWICE, "delivered twice", number, recipient);
    ledger->delivered += is_local && copies > 0;
    ledger->relayed += !is_local && copies > 0;
    ledger->twice += copies > most;
    ledger->returned += is_returned;
}

void verdict(struct ledger *ledger, struct site *sites, struct settings *const *settings,
             const struct excuses *excuses)
{
    struct looking looking = {.ledger = ledger, .excuses = excuses};
    looking.found = calloc(ledger->count + 1, sizeof(*looking.found));
    check(looking.found != NULL);
    for (looking.site = 0; looking.site < SITES; looking.site++)
        look_into(&looking, &sites[looking.site], settings[looking.site]);
    for (uint32_t number = 0; number < ledger->count; number++) {
        ledger->acknowledged += ledger->messages[number].acknowledged;
        for (unsigned recipient = 0; recipient < RECIPIENTS; recipient++)
            judge(&looking, number, recipient);
    }
    free(looking.found);
}
