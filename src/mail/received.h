/* Whom a server took a message from, as its Received field says (RFC 5321 4.4). Pure. */
#ifndef MAIL_RECEIVED_H
#define MAIL_RECEIVED_H

#include "base/text.h"
#include "net/address.h"

/* The address in the from-part of a Received field's body, which may be folded; port 0. Servers
 * write it into a comment: ([192.0.2.1]), (mx.example.net [IPv6:2001:db8::1]), (192.0.2.1). What
 * stands outside of comments is the client's own word and counts for nothing. False: there is none.
 */
bool received_from_address(struct text body, struct net_address *out);

#endif
