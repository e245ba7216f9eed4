/* What the clients of a mailbox were told of it, all together, kept where it outlives the servers'
 * process: by UID, whose message it is, the flags it had last, that it is gone. What was told was
 * durable, so each new thing that is told, also after a crash, must go with what was told before it
 * was asked for. Moments number what clients say and hear, over the whole run. */
#ifndef TESTS_SIM_SHELF_H
#define TESTS_SIM_SHELF_H

#include <stdbool.h>
#include <stdint.h>

struct ledger;

/* Each user has so many mailboxes: INBOX, and one that is shared. */
enum { SHELF_INBOX, SHELF_KEPT, SHELVES_OF_USER };
enum { SHELF_UIDS = 4096 };

enum shelf_flag {
    SHELF_SEEN = 1,
    SHELF_ANSWERED = 2,
    SHELF_FLAGGED = 4,
    SHELF_DELETED = 8,
    SHELF_DRAFT = 16,
    SHELF_ONE = 32, /* keywords */
    SHELF_TWO = 64,
    /* Marks: only the client whose mark it is changes it, so he knows what it must be. */
    SHELF_MARKS = SHELF_FLAGGED | SHELF_ONE | SHELF_TWO
};
/* As IMAP writes it; NULL: there is no such bit. */
const char *shelf_flag_name(unsigned bit);

/* A client asked for it to go, and may have been heard. */
enum { TRIED_MOVE = 1, TRIED_REMOVE = 2 };

struct shelf_place {
    uint64_t modseq;
    uint32_t number; /* 1 + that of its message; 0: nobody has read it */
    uint32_t there;  /* moments: first told of; */
    uint32_t told;   /* flags and mod-sequence told; */
    uint32_t gone;   /* told to be gone. 0: not yet */
    uint8_t flags;
    uint8_t unsure; /* marks */
    uint8_t tried;
    bool found; /* by the verdict */
};

struct shelf {
    uint64_t modseq; /* the highest that was told */
    uint32_t validity, uid_next;
    bool exists;                           /* it was made, and that was answered */
    struct shelf_place places[SHELF_UIDS]; /* by UID */
};

/* What one client knows of a mailbox from its last session: flags by UID, with SHELF_KNOWN. All
 * that changed up to `until` is in it. */
enum { SHELF_KNOWN = 256 };
struct shelf_memory {
    uint64_t until; /* a mod-sequence; 0: it knows nothing */
    uint16_t known[SHELF_UIDS];
};

/* How a message stands now, as somebody was told. */
struct shelf_fact {
    uint32_t uid;
    uint64_t modseq;
    uint8_t flags;
};

/* "INBOX" */
const char *shelf_name(unsigned which);
struct shelf *shelf_of(struct ledger *ledger, unsigned recipient, unsigned which);
/* Of a mailbox as the store has it; NULL: none of these. */
struct shelf *shelf_find(struct ledger *ledger, const char *owner, const char *name);
/* Complain: noted as WRONG_TOLD. uid 0: about the whole of it. */
void shelf_wrong(struct ledger *ledger, const struct shelf *shelf, uint32_t uid, const char *what);

/* Of a UID; NULL when it is none, which is complained about. */
struct shelf_place *shelf_place(struct ledger *ledger, struct shelf *shelf, uint32_t uid);
/* It was told, by what was asked for at this moment, that there is such a message; and whether it
 * has \Deleted will be told with it, or is known. */
void shelf_there(struct ledger *ledger, struct shelf *shelf, uint32_t uid, uint32_t asked);
/* Which message of the ledger it is. */
void shelf_named(struct ledger *ledger, struct shelf *shelf, uint32_t uid, uint32_t number);
void shelf_told(struct ledger *ledger, struct shelf *shelf, const struct shelf_fact *fact,
                uint32_t asked);
void shelf_gone(struct ledger *ledger, struct shelf *shelf, uint32_t uid);
/* Whoever looks at the mailbox by what he asks for at this moment must find it; must not. */
bool shelf_must_have(const struct shelf_place *place, uint32_t asked);
bool shelf_must_lack(const struct shelf_place *place, uint32_t asked);
/* UIDVALIDITY and UIDNEXT; least: that was told before. */
void shelf_validity(struct ledger *ledger, struct shelf *shelf, uint32_t validity);
void shelf_next(struct ledger *ledger, struct shelf *shelf, uint32_t next, uint32_t least);

/* How many UIDs a message had in the mailboxes of a recipient. */
unsigned shelf_copies(struct ledger *ledger, uint32_t number, unsigned recipient);
/* It is in none of them any more, and no client asked for that. */
bool shelf_has_lost(struct ledger *ledger, uint32_t number, unsigned recipient);
/* Once the verdict has told of all that is there. */
void shelf_end(struct ledger *ledger, struct shelf *shelf);

#endif
