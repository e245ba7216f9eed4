/* The header fields a server adds in front of a message. Pure: facts in, bytes out. */
#ifndef PROTO_SMTP_SERVER_SMTP_STAMP_H
#define PROTO_SMTP_SERVER_SMTP_STAMP_H

#include "base/buffer.h"
#include "decide/spf.h"
#include "net/address.h"
#include "proto/line/peer.h"

struct smtp_stamp {
    struct text helo; /* "" when none was said */
    const struct net_address *peer;
    const struct line_peer *known;
    struct text host;
    struct text tls; /* "TLSv1.3 ...", or "" */
    bool is_lmtp, is_extended, is_tls, is_logged_in, is_international;
    uint64_t id;
    struct text recipient; /* when there is only one, else "" */
    int64_t now_ms;        /* wall */
};

/* Received (RFC 5321 4.4). */
void smtp_stamp_received(const struct smtp_stamp *stamp, struct buffer *out);

struct smtp_stamp_spf {
    const struct spf_decision *decision;
    const struct net_address *peer;
    struct text sender, helo;
    const char *identity; /* whose result it is: "mailfrom", "helo" */
    struct text host;
};
/* Received-SPF (RFC 7208 9.1). */
void smtp_stamp_received_spf(const struct smtp_stamp_spf *stamp, struct buffer *out);

/* Date and Message-ID for a message that lacks them (RFC 6409 8.2, 8.3). */
void smtp_stamp_date(const struct smtp_stamp *stamp, struct buffer *out);
void smtp_stamp_message_id(const struct smtp_stamp *stamp, struct buffer *out);
/* "ESMTPSA" and its kin: RFC 3848, RFC 6531 4.3. out has 16 bytes. Returns out. */
const char *smtp_stamp_protocol(const struct smtp_stamp *stamp, char out[16]);

#endif
