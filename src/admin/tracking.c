#include "admin/tracking.h"

enum { STEPS_MOST = 5 };

enum step {
    EXPANDED = 26,
    REROUTED = 1014,
    REPORT_MADE = 1017,
    REPORT_ABSORBED = 1018,
    SUBMITTED = 1019,
    TRANSFER_BEGUN = 1020,
    BAD_MAIL = 1021,
    DELIVERED = 1023,
    TO_CATEGORIZER = 1024,
    SUBMISSION_BEGUN = 1025,
    IN_MAILBOX = 1028,
    RETURNED = 1030,
    TRANSFER_ENDED = 1031,
    CATEGORIZING_PUT_OFF = 1032,
    CATEGORIZED = 1033,
    QUEUED_REMOTE = 1034,
    QUEUED_LOCAL = 1036,
    LOCAL_PUT_OFF = 1037,
};

/* with: what the event's facts must contain; the first row that matches counts. A recipient is
 * looked up, routed and, in a mailbox, delivered in the record that says so. */
static const struct row {
    const char *event, *with;
    uint16_t steps[STEPS_MOST];
} rows[] = {
    {"accepted", "", {SUBMITTED, SUBMISSION_BEGUN}},
    {"awaits-lookup", "", {TO_CATEGORIZER, CATEGORIZING_PUT_OFF}},
    {"expanded", "", {EXPANDED}},
    {"delivered", "", {TO_CATEGORIZER, CATEGORIZED, QUEUED_LOCAL, DELIVERED, IN_MAILBOX}},
    {"filtered", " mailbox=", {TO_CATEGORIZER, CATEGORIZED, QUEUED_LOCAL, DELIVERED, IN_MAILBOX}},
    {"routed", "", {TO_CATEGORIZER, CATEGORIZED, QUEUED_REMOTE}},
    {"to-folder", "", {TO_CATEGORIZER, CATEGORIZED, QUEUED_LOCAL}},
    {"failed", "", {TO_CATEGORIZER}},
    {"rerouted", "", {REROUTED, QUEUED_REMOTE}},
    {"dropped", "", {DELIVERED}},
    {"sent", "", {TRANSFER_BEGUN, TRANSFER_ENDED}},
    {"refused", "", {TRANSFER_BEGUN}},
    {"deferred", " remote=", {TRANSFER_BEGUN}},
    {"deferred", "", {LOCAL_PUT_OFF}},
    {"reported", " kind=failure", {RETURNED}},
    {"reported", "", {REPORT_MADE}},
    {"not-reported", "", {REPORT_ABSORBED}},
    {"badmail", "", {BAD_MAIL}},
};

static const struct meaning {
    enum step step;
    const char *words;
} meanings[] = {
    {EXPANDED, "a group was expanded"},
    {REROUTED, "routed anew"},
    {REPORT_MADE, "a report was made"},
    {REPORT_ABSORBED, "a report was not wanted"},
    {SUBMITTED, "submitted to the queue"},
    {TRANSFER_BEGUN, "transfer to another host begun"},
    {BAD_MAIL, "bad mail"},
    {DELIVERED, "delivered here"},
    {TO_CATEGORIZER, "recipient looked up"},
    {SUBMISSION_BEGUN, "taken in"},
    {IN_MAILBOX, "in the mailbox"},
    {RETURNED, "returned by a report"},
    {TRANSFER_ENDED, "taken by another host"},
    {CATEGORIZING_PUT_OFF, "looking up is tried again later"},
    {CATEGORIZED, "categorized"},
    {QUEUED_REMOTE, "queued for another host"},
    {QUEUED_LOCAL, "queued for delivery here"},
    {LOCAL_PUT_OFF, "delivery here is tried again later"},
};

static bool has(struct text facts, const char *part)
{
    struct text text = text_from(part);
    return text_is_empty(text) || text_find_text(facts, text) < facts.length;
}

const uint16_t *tracking_of(struct text event, struct text facts, unsigned *count)
{
    *count = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (!text_equals(event, text_from(rows[i].event)) || !has(facts, rows[i].with))
            continue;
        while (*count < STEPS_MOST && rows[i].steps[*count] != 0)
            (*count)++;
        return rows[i].steps;
    }
    return NULL;
}

const char *tracking_words(uint16_t number)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
        if (meanings[i].step == number)
            return meanings[i].words;
    return "";
}

struct text tracking_recipient(struct text facts)
{
    struct text name = TEXT("recipient=");
    return text_starts_with(facts, name) ? text_before(text_from_position(facts, name.length), ' ')
                                         : TEXT("");
}
