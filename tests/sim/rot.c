#include "rot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ledger.h"
#include "message.h"
#include "reader.h"
#include "rocks.h"
#include "store/change.h"

/* So many messages must be younger. */
enum { YOUNGER_LEAST = 10, ROT_PATH_BYTES = 200 };

struct choice {
    struct ledger *ledger;
    struct weather *weather;
    struct site *site;
    unsigned number;  /* of the site */
    uint8_t *records; /* by message: in how many it is */
    log_visit *visit;
    unsigned seen;
    struct ledger_rot rot;
    bool is_whole; /* the record has all of the message */
    uint32_t offset, length;
};

static bool is_later_told(const struct shelf *shelf, uint32_t number)
{
    for (uint32_t uid = 1; uid < shelf->uid_next; uid++) {
        const struct shelf_place *place = &shelf->places[uid];
        bool is_unknown = place->there != 0 && place->number == 0 && place->gone == 0;
        if (is_unknown || (place->number == 1 + number && uid + 1 == shelf->uid_next))
            return false;
    }
    return true;
}

/* Some client has seen it in one of his mailboxes. */
static bool is_seen(const struct choice *choice, uint32_t number, unsigned user)
{
    for (unsigned which = 0; which < SHELVES_OF_USER; which++) {
        const struct shelf *shelf = shelf_of(choice->ledger, user, which);
        for (uint32_t uid = 1; uid < shelf->uid_next; uid++)
            if (shelf->places[uid].number == 1 + number)
                return true;
    }
    return false;
}

/* It is known which UIDs it has, and none of them is the last one of its mailbox: what remains
 * tells that they were given. Nobody has copied it. */
static bool may_rot(const struct choice *choice, uint32_t number)
{
    const struct ledger *ledger = choice->ledger;
    if (number + YOUNGER_LEAST >= ledger->count || ledger->messages[number].rotten)
        return false;
    for (unsigned user = 0; user < SITES * USERS; user++)
        if (ledger->messages[number].copied[user] > 0)
            return false;
    for (unsigned user = choice->number * USERS; user < (choice->number + 1) * USERS; user++)
        if ((ledger->messages[number].accepted & 1u << user) != 0 && !is_seen(choice, number, user))
            return false;
    for (unsigned i = 0; i < USERS * SHELVES_OF_USER; i++)
        if (!is_later_told(shelf_of(choice->ledger, choice->number * USERS, 0) + i, number))
            return false;
    return true;
}

static bool is_report(struct text payload)
{
    static const struct text field = TEXT("Final-Recipient:");
    return text_find_text(payload, field) < payload.length;
}

/* MESSAGES_MAX: there is none in it. */
static uint32_t number_in(const struct choice *choice, const struct log_record *record)
{
    uint32_t number = message_number(record->payload);
    bool is_ours = number < choice->ledger->count && !is_report(record->payload);
    return is_ours ? number : MESSAGES_MAX;
}

static bool count(void *context, const struct log_record *record)
{
    struct choice *choice = context;
    uint32_t number = number_in(choice, record);
    if (number < MESSAGES_MAX && choice->records[number] < UINT8_MAX)
        choice->records[number]++;
    return true;
}

/* What came twice, or was written forward, is still there when one of its records is not. */
static bool consider(void *context, const struct log_record *record)
{
    struct choice *choice = context;
    uint32_t number = number_in(choice, record);
    if (number == MESSAGES_MAX || choice->records[number] != 1 || !may_rot(choice, number) ||
        weather_below(choice->weather, WEATHER_ROT, ++choice->seen) != 0)
        return true;
    choice->rot.message = number;
    choice->rot.segment = record->place.segment;
    choice->is_whole = record->type == RECORD_CHANGE;
    choice->offset = record->place.offset;
    choice->length = record->place.length;
    return true;
}

/* Of a file among the segments; with "" their directory. */
static void log_path(const struct site *site, const char *name, char out[ROT_PATH_BYTES])
{
    char store[160];
    site_store_path(site, store, sizeof(store));
    snprintf(out, ROT_PATH_BYTES, "%s/log/segments%s%s", store, name[0] == '\0' ? "" : "/", name);
}

static void segment_path(const struct site *site, uint64_t segment, char out[ROT_PATH_BYTES])
{
    char name[32];
    snprintf(name, sizeof(name), "%016llx.seg", (unsigned long long)segment);
    log_path(site, name, out);
}

static void scan_segment(void *context, const char *name)
{
    struct choice *choice = context;
    char path[ROT_PATH_BYTES];
    size_t length;
    if (strstr(name, ".seg") == NULL)
        return;
    log_path(choice->site, name, path);
    const char *bytes = memory_disk_bytes(choice->site->disks[SITE_STORE].disk, path, &length);
    log_scan_bytes(text_of(bytes, length), choice->visit, choice);
}

/* Clients find it gone, and nobody tells them that it went. */
static void forget(struct ledger *ledger, unsigned site, uint32_t number)
{
    for (unsigned user = site * USERS; user < (site + 1) * USERS; user++)
        for (unsigned which = 0; which < SHELVES_OF_USER; which++) {
            struct shelf *shelf = shelf_of(ledger, user, which);
            for (uint32_t uid = 1; uid < shelf->uid_next; uid++) {
                if (shelf->places[uid].number != 1 + number)
                    continue;
                shelf->places[uid].tried |= TRIED_REMOVE;
                shelf_gone(ledger, shelf, uid);
                reader_forget(ledger, user, which, uid);
            }
        }
}

static void scan(struct choice *choice, log_visit *visit)
{
    char path[ROT_PATH_BYTES];
    const struct log_files *files = &choice->site->disks[SITE_STORE].files;
    choice->visit = visit;
    log_path(choice->site, "", path);
    files->list(files->context, path, scan_segment, choice);
}

static void choose(struct choice *choice)
{
    choice->records = calloc(choice->ledger->count + 1, 1);
    check(choice->records != NULL);
    scan(choice, count);
    scan(choice, consider);
    free(choice->records);
}

/* It is made anew, from what can be read. */
static void lose_index(const struct site *site)
{
    char store[160], path[ROT_PATH_BYTES];
    site_store_path(site, store, sizeof(store));
    snprintf(path, sizeof(path), "%s/index", store);
    rocks_lose(path);
}

void rot_strike(struct ledger *ledger, struct weather *weather, struct site *site, unsigned number)
{
    struct choice choice = {
        .ledger = ledger, .weather = weather, .site = site, .number = number, .rot.site = number};
    char path[ROT_PATH_BYTES];
    if (ledger->rot_count == ROTS_MOST || !weather_strikes(weather, WEATHER_ROT))
        return;
    choose(&choice);
    if (choice.seen == 0)
        return;
    segment_path(site, choice.rot.segment, path);
    memory_disk_rot(site->disks[SITE_STORE].disk, path,
                    choice.offset + weather_below(weather, WEATHER_ROT, choice.length));
    lose_index(site);
    ledger->messages[choice.rot.message].rotten = true;
    ledger->rots[ledger->rot_count++] = choice.rot;
    if (choice.is_whole)
        forget(ledger, number, choice.rot.message);
}

bool rot_is_left(const struct ledger *ledger, struct site *site, unsigned number)
{
    char path[ROT_PATH_BYTES];
    size_t length;
    for (unsigned i = 0; i < ledger->rot_count; i++) {
        segment_path(site, ledger->rots[i].segment, path);
        if (ledger->rots[i].site == number &&
            memory_disk_bytes(site->disks[SITE_STORE].disk, path, &length) != NULL)
            return true;
    }
    return false;
}
