#include "shelf.h"

#include <string.h>
#include <strings.h>

#include "ledger.h"

static const char *const names[SHELVES_OF_USER] = {[SHELF_INBOX] = "INBOX", [SHELF_KEPT] = "Kept"};

const char *shelf_flag_name(unsigned bit)
{
    static const char *const flags[] = {"\\Seen",  "\\Answered", "\\Flagged", "\\Deleted",
                                        "\\Draft", "sim-one",    "sim-two"};
    return bit < sizeof(flags) / sizeof(*flags) ? flags[bit] : NULL;
}

const char *shelf_name(unsigned which)
{
    return names[which];
}

struct shelf *shelf_of(struct ledger *ledger, unsigned recipient, unsigned which)
{
    return &ledger->shelves[recipient * SHELVES_OF_USER + which];
}

struct shelf *shelf_find(struct ledger *ledger, const char *owner, const char *name)
{
    unsigned recipient = ledger_recipient(owner);
    if (recipient >= SITES * USERS)
        return NULL;
    for (unsigned which = 0; which < SHELVES_OF_USER; which++)
        if (strcmp(names[which], name) == 0)
            return shelf_of(ledger, recipient, which);
    return NULL;
}

void shelf_wrong(struct ledger *ledger, const struct shelf *shelf, uint32_t uid, const char *what)
{
    unsigned number = (unsigned)(shelf - ledger->shelves);
    char owner[LEDGER_ADDRESS_BYTES];
    ledger_address(number / SHELVES_OF_USER, owner);
    ledger_wrong(ledger, WRONG_TOLD, "%s of %s, UID %u: %s", names[number % SHELVES_OF_USER], owner,
                 uid, what);
}

struct shelf_place *shelf_place(struct ledger *ledger, struct shelf *shelf, uint32_t uid)
{
    if (uid > 0 && uid < SHELF_UIDS)
        return &shelf->places[uid];
    shelf_wrong(ledger, shelf, uid, "there can't be such a UID");
    return NULL;
}

void shelf_there(struct ledger *ledger, struct shelf *shelf, uint32_t uid, uint32_t asked)
{
    struct shelf_place *place = shelf_place(ledger, shelf, uid);
    if (place == NULL)
        return;
    if (shelf_must_lack(place, asked))
        shelf_wrong(ledger, shelf, uid, "it was gone, and is there again");
    if (place->there != 0)
        return;
    place->there = ++ledger->moment;
    place->unsure = SHELF_MARKS;
    if (uid >= shelf->uid_next)
        shelf->uid_next = uid + 1;
}

void shelf_named(struct ledger *ledger, struct shelf *shelf, uint32_t uid, uint32_t number)
{
    struct shelf_place *place = shelf_place(ledger, shelf, uid);
    if (place == NULL)
        return;
    if (number >= ledger->count)
        shelf_wrong(ledger, shelf, uid, "a message of nobody");
    else if (place->number != 0 && place->number != 1 + number)
        shelf_wrong(ledger, shelf, uid, "another message has this UID now");
    else
        place->number = 1 + number;
}

void shelf_told(struct ledger *ledger, struct shelf *shelf, const struct shelf_fact *fact,
                uint32_t asked)
{
    struct shelf_place *place = shelf_place(ledger, shelf, fact->uid);
    if (place == NULL)
        return;
    if (fact->modseq < place->modseq && place->told < asked)
        shelf_wrong(ledger, shelf, fact->uid, "its mod-sequence went back");
    if (fact->modseq == place->modseq && fact->flags != place->flags)
        shelf_wrong(ledger, shelf, fact->uid, "other flags with the same mod-sequence");
    if (fact->modseq <= place->modseq)
        return;
    if ((fact->flags & SHELF_DELETED) != 0)
        place->tried |= TRIED_REMOVE; /* a copy of one that was to be removed */
    if (((fact->flags ^ place->flags) & SHELF_MARKS & ~place->unsure) != 0)
        shelf_wrong(ledger, shelf, fact->uid, "a flag that one client alone changes has changed");
    place->modseq = fact->modseq;
    place->flags = fact->flags;
    place->told = ++ledger->moment;
    if (fact->modseq > shelf->modseq)
        shelf->modseq = fact->modseq;
}

void shelf_gone(struct ledger *ledger, struct shelf *shelf, uint32_t uid)
{
    struct shelf_place *place = shelf_place(ledger, shelf, uid);
    if (place == NULL)
        return;
    if (place->there != 0 && place->tried == 0)
        shelf_wrong(ledger, shelf, uid, "it went, and nobody had asked for that");
    if (place->gone == 0)
        place->gone = ++ledger->moment;
}

bool shelf_must_have(const struct shelf_place *place, uint32_t asked)
{
    return place->there != 0 && place->there < asked && place->tried == 0;
}

bool shelf_must_lack(const struct shelf_place *place, uint32_t asked)
{
    return place->gone != 0 && place->gone < asked;
}

void shelf_validity(struct ledger *ledger, struct shelf *shelf, uint32_t validity)
{
    if (shelf->validity != 0 && shelf->validity != validity)
        shelf_wrong(ledger, shelf, 0, "another UIDVALIDITY");
    shelf->validity = validity;
}

void shelf_next(struct ledger *ledger, struct shelf *shelf, uint32_t next, uint32_t least)
{
    if (next < least)
        shelf_wrong(ledger, shelf, next, "UIDNEXT went back to this");
    if (next > shelf->uid_next && shelf_place(ledger, shelf, next) != NULL)
        shelf->uid_next = next;
}

unsigned shelf_copies(struct ledger *ledger, uint32_t number, unsigned recipient)
{
    unsigned count = 0;
    for (unsigned which = 0; which < SHELVES_OF_USER; which++) {
        const struct shelf *shelf = shelf_of(ledger, recipient, which);
        for (uint32_t uid = 1; uid < shelf->uid_next; uid++)
            count += shelf->places[uid].number == 1 + number;
    }
    return count;
}

bool shelf_has_lost(struct ledger *ledger, uint32_t number, unsigned recipient)
{
    for (unsigned which = 0; which < SHELVES_OF_USER; which++) {
        const struct shelf *shelf = shelf_of(ledger, recipient, which);
        for (uint32_t uid = 1; uid < shelf->uid_next; uid++) {
            const struct shelf_place *place = &shelf->places[uid];
            if (place->number == 1 + number && (place->found || (place->tried & TRIED_REMOVE) != 0))
                return false;
        }
    }
    return true;
}

void shelf_end(struct ledger *ledger, struct shelf *shelf)
{
    for (uint32_t uid = 1; uid < shelf->uid_next; uid++) {
        const struct shelf_place *place = &shelf->places[uid];
        if (!place->found && shelf_must_have(place, UINT32_MAX))
            shelf_wrong(ledger, shelf, uid, "it is not there any more");
    }
}
