/* Between finding out who gets a message and composing its record: the scripts of those who have
 * one are run. What they decide is carried out by the composing (filter_compose.c), so that it is
 * one record with the message. Included only from queue/. */
#ifndef QUEUE_FILTER_FILTER_H
#define QUEUE_FILTER_FILTER_H

#include "queue/plan.h"
#include "sieve/sieve.h"

/* The message, as far as scripts are interested. */
struct filter_source {
    struct message facts;  /* without extents */
    struct text body;      /* the whole message, when it is small and at hand */
    struct upload *upload; /* or where it stands; NULL: it is in `body`, or stored */
    bool is_stored;        /* it is in the store by its id */
    struct text login, peer;
};

/* An entry to be made for the owner. */
struct filter_copy {
    uint64_t mailbox; /* 0: INBOX */
    const struct sieve_action *action;
    struct text note; /* for the story, or "" */
};

/* What a script made of the message for its owner. */
struct filtered {
    struct text owner, script;
    struct text trouble; /* it went wrong, so: or "" */
    struct sieve_result result;
    struct filter_copy *copies;
    unsigned copy_count;
    const struct sieve_action *rejects; /* or NULL */
    struct edited *edited;              /* its copies have another header, or NULL */
};

/* A message of its own: the same with its header edited. */
struct edited {
    struct list link;
    uint64_t id;
    struct upload *upload;
    struct log_place *extents;
    unsigned extent_count;
    struct message_entry *entries;
    unsigned entry_count;
};

/* One that was sent on: why there are more recipients than were asked for. */
struct forward {
    struct filtered *by;
    const struct sieve_action *action;
};

/* Run the scripts and follow redirections. TRY_LATER: take the message later. YIELDS. */
enum status plan_filter(struct plan *plan, const struct filter_source *source);
/* Bytes of the message from offset on, appended. YIELDS. */
enum status filter_read(struct plan *plan, const struct filter_source *source, uint64_t offset,
                        uint32_t length, struct buffer *out);

/* filter_mailbox.c: which mailboxes the script's owner gets it into. YIELDS. */
enum status filter_mailboxes(struct plan *plan, struct filtered *filtered);
/* Into INBOX as well, unless it is somewhere. */
void filter_keep(struct filtered *filtered, struct text note);
/* The owner's mailbox of that name, or of that use ("" for any), or NULL. Does not yield. */
struct mailbox *filter_mailbox_find(struct store *store, struct text owner, struct text name,
                                    struct text use);

/* filter_forward.c: find out where [first, end) of the targets send it on, and add those; when that
 * goes round, or is too_deep, it is kept. YIELDS. */
enum status filter_follow(struct plan *plan, unsigned first, unsigned end, bool too_deep);
/* In whose name mail leaves for those that somebody here sent it on to. YIELDS. */
enum status filter_senders(struct plan *plan);

/* filter_edit.c: write the message with the edited header. On failure the copies are the message
 * as it came. YIELDS. */
void filter_edit(struct plan *plan, const struct filter_source *source, struct filtered *filtered);
void filter_edits_finish(struct plan *plan);
/* Their operations, to stand behind the message's. */
void filter_edits_compose(struct plan *plan, int64_t now);

/* filter_compose.c: the target's entries, items and stories. Does not yield. */
enum status filter_compose(struct plan *plan, unsigned target, int64_t now);

#endif
