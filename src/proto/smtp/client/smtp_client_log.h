/* The dialogue with another host as rows of a protocol log: each command and each reply is one.
 * What is said to log in is not in it, nor is a message. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_LOG_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_LOG_H

#include "proto/smtp/client/smtp_client_dialog.h"

/* Whose log has the sessions of a connector: the first server that it names (from), else the first
 * that takes smtp and has a log. NULL: nobody's. */
const struct setting_server *smtp_client_log_server(const struct settings *settings,
                                                    const struct setting_connector *connector);

/* From here on, if the options ask for it. The client's stream is there. */
void smtp_client_log_begin(struct smtp_client *client, const struct smtp_client_options *options);
/* Before the stream goes. */
void smtp_client_log_end(struct smtp_client *client);
/* The reply just read. */
void smtp_client_log_reply(struct smtp_client *client, enum smtp_client_step step);
/* A login begins or has ended: of what is said meanwhile a row has the first word of its first
 * line, and the code of a reply. */
void smtp_client_log_login(struct smtp_client *client, bool is_login);
/* Write what is no command. YIELDS when there is much. */
void smtp_client_write_octets(struct smtp_client *client, struct text octets);

#endif
