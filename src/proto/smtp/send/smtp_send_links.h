/* Inside the sender: it carries what the store says of links to others, and back. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_LINKS_H
#define PROTO_SMTP_SEND_SMTP_SEND_LINKS_H

#include "proto/smtp/send/smtp_send_attempt.h"

/* A connection was opened to send mail: where the connector leads to another routing group, compare
 * first. What comes of it is logged and stops no mail. YIELDS. */
void smtp_links_when_sending(const struct smtp_sender *sender, struct smtp_connection *connection,
                             const struct setting_connector *connector);
/* The store asks (SEND_LINKS) to talk to a connector's hosts, by its name. YIELDS. */
enum status smtp_links_talk(const struct smtp_sender *sender, struct text connector);

#endif
