/* A queue item: the recipients of one message that wait for the same thing. Opaque to the store;
 * every change of one writes it whole. */
#ifndef QUEUE_SCHEDULE_ITEM_H
#define QUEUE_SCHEDULE_ITEM_H

#include "base/arena.h"
#include "mail/report.h"
#include "queue/client.h"

enum item_kind {
    ITEM_SEND = 1,   /* to be sent to its hop */
    ITEM_REPORT = 2, /* their fate is known; the sender has to be told */
    ITEM_BAD = 3,    /* undeliverable and nobody to tell: for the administrator */
    ITEM_LATER = 4,  /* not looked up yet: to be released at next_try_ms (RFC 4865) */
    ITEM_ANSWER = 5, /* a script wants its recipients written to: `answer` says what */
    ITEM_DROP = 6,   /* to be written into the drop folder of its domain; "": into the archive of
                      * filtered mail */
    ITEM_LOOKUP = 7, /* not looked up yet, because the directory did not answer */
    ITEM_SENT = 8,   /* its recipients were sent it; kept until next_try_ms, to be sent again */
};

enum { ITEM_RECIPIENTS_MAX = 1000, ITEM_BYTES_MAX = 2 << 20 };

struct item_recipient {
    struct text address, original_recipient;
    unsigned notify;
    enum report_action action; /* of ITEM_REPORT */
    struct text enhanced, reply, remote_host;
    int64_t last_attempt_ms; /* wall; 0: none yet */
    struct text shown;       /* reports name this address in his place: a group's that hides its
                              * members; or "" */
};

/* In place of a sender: the null path. */
#define ITEM_NO_SENDER TEXT("<>")

/* How the message came: by which server, whose retry intervals it waits by; and for routing it
 * anew, kept where there are routing groups, the login, and the server of our organisation that it
 * is from; or "". */
struct item_origin {
    struct text server, login, member;
    struct text domain; /* it is routed by, when that is not its recipients' own; or "" */
};

/* The connector of what no way is known for. */
#define ITEM_UNREACHABLE "unreachable:"

struct item {
    enum item_kind kind;
    bool is_frozen;     /* by an administrator, until he thaws it */
    bool delay_told;    /* the sender heard of the delay */
    bool deadline_told; /* and that the time of BY= has passed, RFC 2852 */
    bool is_filed;      /* of ITEM_BAD: it was written into the folder of bad mail */
    /* Of its hop. ITEM_LATER and ITEM_LOOKUP: the server and login it came by. */
    struct text connector, domain;
    int64_t next_try_ms; /* wall */
    uint32_t attempts;
    struct item_recipient *recipients;
    unsigned recipient_count;
    struct text sender;    /* it goes out in this name; "": in that of the message's sender */
    struct text forwarder; /* the mailbox that sends it on, or "" */
    struct text answer;    /* of ITEM_ANSWER; see answer.h */
    struct text owner;     /* of the group it is sent to: he gets the reports; "": the sender */
    struct item_origin origin;
};

void item_encode(const struct item *item, struct buffer *out);
/* Texts are lent by the bytes. */
bool item_decode(struct text bytes, struct arena *arena, struct item *out);
/* The name of the hop it waits for: "partner", "partner mx:example.org" or "mx:example.org";
 * "drop:example.org" of ITEM_DROP, and "archive". */
struct text item_hop_name(const struct item *item, struct arena *arena);

#endif
