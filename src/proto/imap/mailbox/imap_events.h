/* What NOTIFY SET asks for (RFC 5465 5, 6): which events of which mailboxes. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_EVENTS_H
#define PROTO_IMAP_MAILBOX_IMAP_EVENTS_H

#include "proto/imap/imap_session.h"
#include "proto/imap/mailbox/imap_filter.h"

enum imap_event {
    EVENT_NEW = 1,
    EVENT_EXPUNGE = 2,
    EVENT_FLAGS = 4,
    EVENT_NAME = 8,
    EVENT_SUBSCRIPTION = 16,
    EVENT_NOTES = 32,
    EVENT_SERVER_NOTES = 64,
    EVENTS_OF_MESSAGES = 7,
};
enum { EVENT_GROUPS_MAX = 50 };

/* The code of an answer to events that are not known: all that are. */
#define IMAP_EVENTS_BAD                                                                            \
    "[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange "              \
    "MailboxMetadataChange ServerMetadataChange)]"

struct imap_event_group {
    struct imap_filter filter;
    unsigned events;
};

struct imap_events {
    struct imap_event_group groups[EVENT_GROUPS_MAX]; /* the selected mailbox's apart */
    unsigned group_count;
    bool has_others;       /* the groups may mean mailboxes that others share */
    bool has_server_notes; /* some ask for the notes on the server */
    bool tells_status;     /* to begin with */
    unsigned always;       /* events of every mailbox, in a group or in none */
    unsigned selected;     /* events of the selected mailbox */
    bool is_delayed;       /* its expunges wait for a command */
    struct text items;     /* "(UID ENVELOPE)": what new messages there tell; "": nothing */
};

/* Read what follows SET into *out, which is all zeros; texts are kept in arena. False: some events
 * are not known. Errors stick to the session's lex. */
bool imap_lex_events(struct imap_session *session, struct arena *arena, struct imap_events *out);
/* Those of a mailbox under this name that is not the selected one. is_own: it is the user's. */
unsigned imap_events_of(struct imap_session *session, const struct imap_events *events,
                        struct text name, bool is_own);

#endif
