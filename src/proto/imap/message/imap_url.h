/* The URLs of messages and their parts (RFC 5092): the path that leads to one inside this server,
 * "/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2", and the whole, with who may follow it (RFC
 * 4467): "imap://joe@example.com/Drafts/;UID=20;URLAUTH=submit+joe:internal:0191354a...". */
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

/* RFC 4467 3 */
enum imap_url_access {
    IMAP_URL_ACCESS_NONE,      /* it is not said who */
    IMAP_URL_ACCESS_SUBMIT,    /* "submit+joe": a submission server, for joe */
    IMAP_URL_ACCESS_USER,      /* "user+joe": joe */
    IMAP_URL_ACCESS_AUTHUSER,  /* whoever is logged in */
    IMAP_URL_ACCESS_ANONYMOUS, /* everybody */
};

struct imap_full_url {
    struct text host; /* as written, with the port; an authority without it is none */
    struct text user; /* decoded; whose mailboxes the path begins at; "": not said */
    struct imap_url message;
    enum imap_url_access access;
    struct text access_user; /* decoded, of those that have one */
    int64_t expires_ms;      /* INT64_MAX: never */
    struct text rump;        /* up to who may follow it, borrowed: what the token is of */
    struct text mechanism;   /* of the token; "": there is none yet */
    struct text token;       /* as written */
};

/* False: it is none, or one of a mailbox, a search or a whole server. Texts live in arena, or are
 * borrowed. */
bool imap_full_url_read(struct text url, struct arena *arena, struct imap_full_url *out);

#endif
