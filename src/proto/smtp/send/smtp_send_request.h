/* Requests: asking hosts that hold mail for us to send it, when we send to them and on schedule
 * (`request` of connectors). What is fetched over a connection of ours (ATRN) is received by a
 * front, to which the bytes are copied. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_REQUEST_H
#define PROTO_SMTP_SEND_SMTP_SEND_REQUEST_H

#include "proto/smtp/send/smtp_send_attempt.h"

struct smtp_requests {
    const struct smtp_sender *sender;
    struct map *by_connector; /* name -> struct request */
    struct task_group tasks;
};

void smtp_requests_init(struct smtp_requests *requests, const struct smtp_sender *sender);
/* From now on, as the settings say. */
void smtp_requests_start(struct smtp_requests *requests);
/* Ends what is under way. YIELDS. */
void smtp_requests_finish(struct smtp_requests *requests);

/* A connection to a smart host was opened, to send: ask by ETRN, if the connector does. What comes
 * of it is for the log alone. YIELDS. */
void smtp_request_when_sending(struct smtp_connection *connection,
                               const struct setting_connector *connector);

#endif
