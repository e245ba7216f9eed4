#include "proto/smtp/server/smtp_stamp.h"

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

/* As a quoted string, whatever it is made of (RFC 5322 3.2.4). */
static void put_quoted(struct buffer *out, const char *key, struct text value)
{
    buffer_printf(out, "%s=\"", key);
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        if (c == '"' || c == '\\')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, c < ' ' || c > '~' ? '?' : c);
    }
    buffer_append(out, TEXT("\";"));
}

/* In a comment nothing needs to be escaped but what ends or begins one. */
static void put_comment(struct buffer *out, struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool is_plain = c >= ' ' && c <= '~' && c != '(' && c != ')' && c != '\\';
        buffer_append_byte(out, is_plain ? c : '?');
    }
}

void smtp_stamp_received_spf(const struct smtp_stamp_spf *stamp, struct buffer *out)
{
    const struct spf_decision *decision = stamp->decision;
    char ip[NET_ADDRESS_TEXT_BYTES];
    struct text literal = text_from(net_address_literal(stamp->peer, ip));
    bool is_v6 = text_starts_with(literal, TEXT("IPv6:"));
    buffer_printf(out, "Received-SPF: %s (%.*s: ", spf_result_name(decision->result),
                  TEXT_ARG(stamp->host));
    if (!text_is_empty(decision->problem))
        put_comment(out, decision->problem);
    else if (text_is_empty(decision->term))
        put_comment(out, TEXT("no term"));
    else
        put_comment(out, decision->term);
    if (!text_is_empty(decision->domain) && text_is_empty(decision->problem)) {
        buffer_append(out, TEXT(" of "));
        put_comment(out, decision->domain);
    }
    buffer_append(out, TEXT(")\r\n\t"));
    put_quoted(out, "client-ip", text_from_position(literal, is_v6 ? 5 : 0));
    buffer_append(out, TEXT("\r\n\t"));
    put_quoted(out, "envelope-from", stamp->sender);
    buffer_append(out, TEXT("\r\n\t"));
    put_quoted(out, "helo", stamp->helo);
    buffer_printf(out, " identity=%s; receiver=%.*s\r\n", stamp->identity, TEXT_ARG(stamp->host));
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
