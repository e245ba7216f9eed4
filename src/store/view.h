/* A session's view of an open mailbox: sequence numbers that move only when the session is told.
 * The entries are the mailbox's own, shared by all; a view remembers up to where new messages were
 * told, and which messages went away without that being told. So an idle session costs nothing.
 *
 * Numbers are 1 .. view_count. Nothing here YIELDS; numbers and entries hold until the next yield
 * or view_tell_*. */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/mailbox.h"

struct view {
    struct list link; /* among the mailbox's views */
    struct mailbox *box;
    uint32_t uid_next; /* messages below were told of */
    uint64_t modseq;   /* changes up to here were told of */
    uint32_t *gone;    /* expunged and not told, ascending; in gone_room */
    unsigned gone_count;
    uint32_t *gone_room;
    unsigned gone_capacity;
    /* Told whenever something to tell comes up; may be NULL. Must not YIELD. */
    void (*wake)(void *context);
    void *context;
};

/* Open the mailbox, and take all that is in it for told. */
void view_open(struct view *view, struct mailbox *box);
/* Harmless on one that is not open (box NULL). */
void view_close(struct view *view);

/* Every view of the mailbox; visit must not close one. */
typedef void view_visit(void *context, struct view *view);
void view_each(struct mailbox *box, view_visit *visit, void *context);

/* How many messages the session knows. */
unsigned view_count(const struct view *view);
/* UID of a number; 0 when there is no such number. */
uint32_t view_uid(const struct view *view, unsigned number);
/* Number of a UID the session knows, gone ones too; 0 when it does not. */
unsigned view_number(const struct view *view, uint32_t uid);
/* The highest UID the session knows; 0 in an empty view. */
uint32_t view_last_uid(const struct view *view);
/* The first entry with this UID or a higher one that the session knows and that is still there. */
const struct mailbox_entry *view_next(const struct view *view, uint32_t uid);
/* Messages went away that the session was not told of, between these UIDs (both included). */
bool view_has_gone(const struct view *view, uint32_t first, uint32_t last);

/* There are messages the session does not know. */
bool view_has_new(const struct view *view);
/* Take the new ones in; returns the UID of the first of them. */
uint32_t view_tell_new(struct view *view);
/* The next message to be told as gone: its number (in the numbering at this moment) and its UID.
 * False when there is none. */
bool view_tell_gone(struct view *view, unsigned *number, uint32_t *uid);

#endif
