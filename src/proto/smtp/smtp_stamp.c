#include "proto/smtp/smtp_stamp.h"

#include <stdio.h>

#include "base/id.h"
#include "mail/date.h"

const char *smtp_stamp_protocol(const struct smtp_stamp *stamp, char out[16])
{
    bool is_extended = stamp->is_extended || stamp->is_tls || stamp->is_logged_in;
    const char *base = stamp->is_lmtp ? "LMTP" : is_extended ? "ESMTP" : "SMTP";
    if (stamp->is_international)
        base = stamp->is_lmtp ? "UTF8LMTP" : "UTF8SMTP";
    snprintf(out, 16, "%s%s%s", base, stamp->is_tls ? "S" : "", stamp->is_logged_in ? "A" : "");
    return out;
}

/* RFC 5321 4.4 TCP-info: a name that leads back stands before the address; what is known beside
 * that is a comment behind it. */
static void put_peer(const struct smtp_stamp *stamp, struct buffer *out)
{
    char address[NET_ADDRESS_TEXT_BYTES];
    const struct line_peer *known = stamp->known;
    bool has_name = known->name[0] != '\0';
    bool is_internet =
        stamp->peer->any.sa_family == AF_INET || stamp->peer->any.sa_family == AF_INET6;
    net_address_literal(stamp->peer, address);
    if (has_name && known->is_confirmed)
        buffer_printf(out, "%s ", known->name);
    buffer_printf(out, "%s%s%s", is_internet ? "[" : "", address, is_internet ? "]" : "");
    if (has_name && !known->is_confirmed)
        buffer_printf(out, " (unverified %s)", known->name);
    else if (!has_name && known->was_asked)
        buffer_append(out, TEXT(" (RDNS failed)"));
}

void smtp_stamp_received(const struct smtp_stamp *stamp, struct buffer *out)
{
    char protocol[16], id[ID_TEXT_BYTES], date[MAIL_DATE_BYTES];
    struct text helo = text_is_empty(stamp->helo) ? TEXT("unknown") : stamp->helo;
    buffer_printf(out, "Received: from %.*s (", TEXT_ARG(helo));
    put_peer(stamp, out);
    buffer_printf(out, ")\r\n\tby %.*s (mailroot) with %s id %s", TEXT_ARG(stamp->host),
                  smtp_stamp_protocol(stamp, protocol), id_format(stamp->id, id));
    if (!text_is_empty(stamp->tls))
        buffer_printf(out, "\r\n\t(%.*s)", TEXT_ARG(stamp->tls));
    if (!text_is_empty(stamp->recipient))
        buffer_printf(out, "\r\n\tfor <%.*s>", TEXT_ARG(stamp->recipient));
    buffer_printf(out, ";\r\n\t%s\r\n", mail_date(stamp->now_ms, date));
}

void smtp_stamp_date(const struct smtp_stamp *stamp, struct buffer *out)
{
    char date[MAIL_DATE_BYTES];
    buffer_printf(out, "Date: %s\r\n", mail_date(stamp->now_ms, date));
}

void smtp_stamp_message_id(const struct smtp_stamp *stamp, struct buffer *out)
{
    char id[ID_TEXT_BYTES];
    buffer_printf(out, "Message-ID: <%s@%.*s>\r\n", id_format(stamp->id, id),
                  TEXT_ARG(stamp->host));
}
