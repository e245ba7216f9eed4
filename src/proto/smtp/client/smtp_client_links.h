/* Telling another server of links (routing/packet.h), over a connection that is open. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_LINKS_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_LINKS_H

#include "proto/smtp/client/smtp_client.h"

/* One packet by X-LINK2STATE; the answer is appended. REFUSED too when the peer does not offer it,
 * or does not know us: *said. The connection stays usable. YIELDS. */
enum status smtp_client_say_links(struct smtp_client *client, struct text packet,
                                  struct buffer *answer, struct smtp_client_trouble *said);
/* "X-LSA-2": from here on packets alone go over this connection. YIELDS. */
enum status smtp_client_begin_links(struct smtp_client *client, struct text our_host,
                                    struct smtp_client_trouble *said);
/* One packet, after that. YIELDS. */
enum status smtp_client_say_packet(struct smtp_client *client, struct text packet,
                                   struct buffer *answer);

#endif
