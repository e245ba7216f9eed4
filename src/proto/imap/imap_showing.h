/* How a user's sessions show messages (settings imap-body and imap-sizes). What a UID names never
 * changes (RFC 9051 2.3.1.1): neither its bytes nor its size. So with another choice his sessions
 * tell greater UIDVALIDITYs, and his clients fetch anew what they kept of the messages before. */
#ifndef PROTO_IMAP_IMAP_SHOWING_H
#define PROTO_IMAP_IMAP_SHOWING_H

#include "account/account.h"
#include "store/reduced.h"

/* All zero: as they are kept. */
struct imap_showing {
    enum reduced_to to;
    bool has_fast_sizes; /* RFC822.SIZE is of the message as it is kept */
    uint32_t changes;    /* of these two, up to now */
};

/* Of a session that begins: the user's choice as it is now, which holds to its end. TRY_LATER: that
 * it is another one could not be written down. YIELDS. */
enum status imap_showing_begin(const struct accounts *accounts, struct text user,
                               struct imap_showing *out);
/* As his last session began, for who follows his URLs. Does not YIELD. */
void imap_showing_last(const struct accounts *accounts, struct text user, struct imap_showing *out);

/* The mailbox's, as sessions that show messages so tell it. */
uint32_t imap_uid_validity(const struct imap_showing *showing, const struct mailbox *box);

#endif
