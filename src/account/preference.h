/* Settings of a user: his own, else his domain's, else the standard. One table of them. */
#ifndef ACCOUNT_PREFERENCE_H
#define ACCOUNT_PREFERENCE_H

#include "account/account.h"

enum preference {
    PREFERENCE_IMAP,              /* 1: may use it */
    PREFERENCE_POP3,              /* 1: may use it */
    PREFERENCE_SIEVE,             /* 1: may use ManageSieve */
    PREFERENCE_SUBMISSION,        /* 1: may send mail after a login to SMTP */
    PREFERENCE_QUOTA,             /* bytes; 0: no limit */
    PREFERENCE_QUOTA_MESSAGES,    /* 0: no limit */
    PREFERENCE_POP3_EXPIRE,       /* milliseconds; 0: never */
    PREFERENCE_POP3_DELAY,        /* milliseconds between logins; 0: none */
    PREFERENCE_POP3_BODY,         /* 0: as it is, 1: plain, 2: html */
    PREFERENCE_POP3_SIZES,        /* 1: fast */
    PREFERENCE_IMAP_BODY,         /* as PREFERENCE_POP3_BODY */
    PREFERENCE_IMAP_SIZES,        /* 1: fast */
    PREFERENCE_PUBLIC_FOLDERS,    /* 1: listed */
    PREFERENCE_KEEP_DELETED,      /* milliseconds; 0: what is removed is gone */
    PREFERENCE_KEEP_DELETED_MOST, /* bytes; 0: no limit */
    PREFERENCE_SEARCH_INDEX,      /* 1: his messages are indexed for searching */
    PREFERENCE_LANGUAGE,          /* a tag (RFC 5646): preference_write alone gives it */
    PREFERENCE_CHARSET,           /* of settings/charsets.h, for preference_charset */
    PREFERENCES
};

/* What holds for the user. Does not yield. */
uint64_t preference_get(const struct accounts *accounts, struct text user, enum preference which);
/* What text without a charset is read as for the user: charset_number. Does not yield. */
uint8_t preference_charset(const struct accounts *accounts, struct text user);
/* The same as it is written, appended. True: it is the user's own, not a default. */
bool preference_write(const struct accounts *accounts, struct text user, enum preference which,
                      struct buffer *out);

const char *preference_name(enum preference which);
const char *preference_help(enum preference which);
/* It is kept as the value of this name (store/value.h). */
bool preference_is_value(enum preference which, struct text name);
/* PREFERENCES when there is none of this name. */
enum preference preference_find(struct text name);
/* Set it, or with "default" give up the user's own. REFUSED: the value is malformed. YIELDS. */
enum status preference_set(const struct accounts *accounts, struct text user, enum preference which,
                           struct text value);

#endif
