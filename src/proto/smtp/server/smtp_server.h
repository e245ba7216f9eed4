/* The SMTP and LMTP server: one session, from greeting to goodbye. Runs in front, which holds no
 * mail and no passwords: recipients and logins are asked of auth, messages go to store. */
#ifndef PROTO_SMTP_SERVER_SMTP_SERVER_H
#define PROTO_SMTP_SERVER_SMTP_SERVER_H

#include "net/stream.h"
#include "proto/line/front.h"

/* Serve a connection to a virtual server of front->role->settings (current at the call) as one of
 * the SMTP services. The caller closes the stream. YIELDS. */
void smtp_serve(struct line_front *front, const struct setting_server *server, enum service service,
                struct stream *stream);

#endif
