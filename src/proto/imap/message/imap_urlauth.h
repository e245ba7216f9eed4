/* URLs that say who may follow them (RFC 4467): the token by which we know one as ours, and the way
 * from there to the message. What a URL allows is what its maker may still do: his rights, the
 * mailbox and the message are looked at each time. The message is as his sessions show it: its
 * parts are numbered, and its UIDVALIDITY is told, as he saw it. */
#ifndef PROTO_IMAP_MESSAGE_IMAP_URLAUTH_H
#define PROTO_IMAP_MESSAGE_IMAP_URLAUTH_H

#include "account/access_key.h"
#include "proto/imap/message/imap_fetch.h"
#include "proto/imap/message/imap_url.h"

/* Append the URL: its rump, the mechanism and the token. */
void imap_urlauth_put(struct buffer *out, struct text rump, const struct access_key *key);

/* The host is a name of this server, or a domain of it. settings NULL: there is none. */
bool imap_urlauth_is_ours(const struct settings *settings, const struct imap_full_url *url);

/* Who asks for what a URL leads to. */
struct imap_urlauth_asker {
    const struct accounts *accounts;
    struct text user; /* canonical */
    bool submits;     /* he is sending a message, else he reads */
};
/* The message that the URL leads to, as an initialised *message, and what of it, in *item, whose
 * texts live in the arena of `line`. REFUSED with the reason, which is not for who asks: it would
 * tell him what there is. Does not yield. */
enum status imap_urlauth_follow(const struct imap_urlauth_asker *asker,
                                const struct imap_full_url *url, struct line_session *line,
                                struct imap_message *message, struct imap_fetch_item *item);

#endif
