/* The URLs of messages and their parts (RFC 5092), as far as they lead into this server:
 * "/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2". */
#ifndef PROTO_IMAP_MESSAGE_IMAP_URL_H
#define PROTO_IMAP_MESSAGE_IMAP_URL_H

#include "base/arena.h"

struct imap_url {
    struct text mailbox; /* decoded: UTF-8 */
    uint32_t validity;   /* 0: not said */
    uint32_t uid;
    struct text section; /* decoded: "1.2"; "": all */
    bool is_partial;
    uint64_t offset;
    uint32_t length; /* UINT32_MAX: up to the end */
};

/* False: it is none, or does not begin with the path. Texts live in arena. */
bool imap_url_read(struct text url, struct arena *arena, struct imap_url *out);

#endif
