/* The SASL mechanisms (RFC 4422) that a server may offer: their names, what they need, and which
 * word of the settings turns them on. How they work is known in directory/ alone, in the auth role.
 */
#ifndef SETTINGS_MECHANISMS_H
#define SETTINGS_MECHANISMS_H

#include "base/buffer.h"

/* In the order in which they are offered: many clients take the first they know. Not on disk, not
 * between versions; between our own roles. */
enum mechanism {
    MECHANISM_SCRAM_SHA_256_PLUS, /* RFC 7677 */
    MECHANISM_SCRAM_SHA_256,
    MECHANISM_SCRAM_SHA_1_PLUS, /* RFC 5802 */
    MECHANISM_SCRAM_SHA_1,
    MECHANISM_GSSAPI,      /* RFC 4752: Kerberos */
    MECHANISM_GSS_SPNEGO,  /* RFC 4178 in SASL, as Microsoft has it */
    MECHANISM_NTLM,        /* MS-NLMP in SASL, as Microsoft has it */
    MECHANISM_OAUTHBEARER, /* RFC 7628 */
    MECHANISM_XOAUTH2,     /* before that */
    MECHANISM_CRAM_MD5,    /* RFC 2195 */
    MECHANISM_EXTERNAL,    /* RFC 4422 A */
    MECHANISM_PLAIN,       /* RFC 4616 */
    MECHANISM_LOGIN,       /* draft-murchison-sasl-login */
    MECHANISM_COUNT
};

enum mechanism_flags {
    MECHANISM_PLAIN_TEXT = 1,    /* the secret itself is sent: under TLS, unless told otherwise */
    MECHANISM_NEEDS_TLS = 2,     /* never without TLS */
    MECHANISM_BINDS = 4,         /* to the TLS channel (a -PLUS): only where it has a binding */
    MECHANISM_STANDARD = 8,      /* offered when the settings say nothing */
    MECHANISM_SERVER_FIRST = 16, /* the server speaks first: no response with the command */
    MECHANISM_CERTIFICATE = 32   /* where the client has shown a certificate */
};

/* The words of the setting `login`: how logins are taken, then by which mechanisms. */
enum login_word {
    LOGIN_NONE,      /* not at all */
    LOGIN_TLS,       /* under TLS alone */
    LOGIN_CLEARTEXT, /* passwords without TLS too */
    LOGIN_SCRAM,
    LOGIN_GSSAPI,
    LOGIN_NTLM,
    LOGIN_CRAM_MD5,
    LOGIN_EXTERNAL,
    LOGIN_OAUTH,
    LOGIN_PLAIN,
    LOGIN_LOGIN,
    LOGIN_WORD_COUNT
};
extern const char *const login_words[LOGIN_WORD_COUNT + 1]; /* NULL behind the last */

struct mechanism_row {
    const char *name;
    enum login_word word; /* that turns it on; several mechanisms may share one */
    unsigned flags;
};

extern const struct mechanism_row mechanism_rows[MECHANISM_COUNT];

/* By name, any case; MECHANISM_COUNT when there is none. */
enum mechanism mechanism_find(struct text name);

/* What the words (bits by enum login_word) turn on; what is standard when they name none. */
uint32_t mechanism_set_of(uint32_t words);
/* The names of a set of MECHANISM_BITs, with a space between two. */
void mechanism_write(uint32_t set, struct buffer *out);

#define MECHANISM_BIT(mechanism) (UINT32_C(1) << (mechanism))

#endif
