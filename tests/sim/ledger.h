/* What the world outside knows of each message, kept where it outlives the servers' process. The
 * verdict holds the mailboxes against it. */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

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
    uint8_t copied[SITES * USERS]; /* by clients, in the recipient's mailboxes, or tried */
};

struct ledger {
    uint64_t seed;
    int64_t now_ms; /* where the simulated time stands */
    unsigned epoch;
    uint32_t count;
    uint64_t switches, disk_calls; /* over all epochs */
    /* What was done to them. */
    uint32_t cuts, resets, stalls, refused, answers_lost, disk_errors, full;
    /* What clients of mailboxes did. */
    uint32_t visits, answers, resumed, appended, removed;
    uint32_t moment; /* of what they say and hear; see shelf.h */
    uint32_t wrong;  /* what they were told and must not be */
    /* What the verdict counted. */
    uint32_t acknowledged, delivered, relayed, twice, returned;
    struct shelf shelves[SITES * USERS * SHELVES_OF_USER];
    struct shelf_memory memories[SITES * SEATS][SHELVES_OF_USER];
    struct ledger_message messages[MESSAGES_MAX];
};

/* Complain: printed, and counted. */
void ledger_wrong(struct ledger *ledger, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "u1@b.test", "x0@out.test" */
enum { LEDGER_ADDRESS_BYTES = 24 };
void ledger_address(unsigned recipient, char out[LEDGER_ADDRESS_BYTES]);
/* The recipient of that address, or RECIPIENTS. Without regard to case. */
unsigned ledger_recipient(const char *address);
/* The site it has its mailbox at, or SITES: outside. */
unsigned ledger_site(unsigned recipient);

#endif
