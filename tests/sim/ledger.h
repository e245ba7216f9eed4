/* What the world outside knows of each message, kept where it outlives the servers' process. The
 * verdict holds the mailboxes against it. */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "calendar.h"
#include "plan.h"
#include "roll.h"
#include "shelf.h"

enum {
    SITES = 2,
    USERS = 3,     /* of each site, besides its sender */
    SEATS = 7,     /* of each site: IMAP clients */
    OUTSIDERS = 4, /* at the host outside */
    RECIPIENTS = SITES * USERS + OUTSIDERS,
    MESSAGES_MAX = 20000
};

struct ledger_message {
    uint8_t site;                  /* whose client sent it */
    bool acknowledged;             /* 250 was heard */
    uint8_t by_group_of;           /* 1 + the site whose group it was sent to; 0: to no group */
    uint16_t accepted;             /* bits: recipients whose RCPT was answered with 250 */
    uint8_t arrived[RECIPIENTS];   /* outsiders: how often the host outside had it whole */
    uint16_t heard;                /* bits, of those: its sender knows of it, for it went on */
    uint16_t again;                /* bits, of those: and then it came once more */
    bool rotten;                   /* a site has lost it, or a part of it, to its medium */
    bool dropped;                  /* an administrator was to remove it and tell nobody */
    bool sent_back;                /* an administrator was to remove it and tell its sender */
    int64_t sent_ms;               /* its client is about to say DATA; 0: it never did */
    uint8_t copied[SITES * USERS]; /* by clients, in the recipient's mailboxes, or tried */
};

/* A record that is not what was written any more. */
struct ledger_rot {
    unsigned site;
    uint32_t message;
    uint64_t segment;
};
enum { ROTS_MOST = 32 };

/* What can be wrong; a smaller run must go wrong in the same way. */
enum wrong {
    WRONG_LOST,
    WRONG_TWICE,
    WRONG_STRANGER, /* it has come to whom it was not for */
    WRONG_CONTENT,  /* unreadable, other bytes, or sent by nobody */
    WRONG_MOVED,    /* by a client, to nowhere */
    WRONG_UID,
    WRONG_TOLD,     /* a client of a mailbox was told what must not be */
    WRONG_GIVEN_UP, /* before its time */
    WRONG_HURT,     /* by the death of a front that another client had */
    WRONG_REFUSED,  /* for ever, and it may not be: mail, a user's login */
    WRONG_IN_QUEUE,
    WRONG_INDEX,
    WRONG_DAMAGE,  /* of the log, by nothing that may damage it; or it is not told */
    WRONG_REMAINS, /* a stopped server leaves something behind; see remains.h */
    WRONG_ROLL,    /* a user or an alias that was made or removed, and is not what it must be */
    WRONG_START,   /* a site does not start, or its store does not open */
    WRONG_END      /* the process ended as it should not, or not at all */
};

struct ledger {
    struct plan plan;
    bool is_quiet;   /* what is wrong is not printed */
    uint32_t wrong;  /* bits */
    int64_t now_ms;  /* where the simulated time stands */
    int64_t calm_ms; /* when the last epoch began */
    struct calendar calendar;
    unsigned rot_count;
    struct ledger_rot rots[ROTS_MOST];
    uint32_t epoch, faulty_epochs; /* begun; and how many with faults there are to be */
    uint32_t count;
    bool is_interrupted; /* an epoch ended in the middle of a conversation between sites */
    uint64_t switches, disk_calls;           /* over all epochs */
    uint64_t kill_points;                    /* there were, in the epochs that ended in order */
    uint32_t happened[WEATHER_KINDS];        /* what was done to them */
    uint32_t happened_before[WEATHER_KINDS]; /* this epoch */
    /* What clients of mailboxes did. */
    uint32_t visits, answers, resumed, appended, removed;
    uint32_t moment; /* of what they say and hear; see shelf.h */
    /* What the verdict counted. */
    uint32_t acknowledged, delivered, relayed, twice, returned;
    struct roll rolls[SITES];
    struct shelf shelves[SITES * USERS * SHELVES_OF_USER];
    struct shelf_memory memories[SITES * SEATS][SHELVES_OF_USER];
    struct ledger_message messages[MESSAGES_MAX];
};

/* Note it, and print the rest as a line. */
void ledger_wrong(struct ledger *ledger, enum wrong wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "u1@b.test", "x0@out.test" */
enum { LEDGER_ADDRESS_BYTES = 24 };
void ledger_address(unsigned recipient, char out[LEDGER_ADDRESS_BYTES]);
/* The recipient of that address, or RECIPIENTS. Without regard to case. */
unsigned ledger_recipient(const char *address);
/* The site it has its mailbox at, or SITES: outside. */
unsigned ledger_site(unsigned recipient);

#endif
