/* The SASL mechanisms (RFC 4422) that a client of ours knows, and what each needs to log in. Pure.
 */
#ifndef SASL_MECHANISM_H
#define SASL_MECHANISM_H

#include "base/text.h"

/* Strongest first: of those that both sides have, the first is taken. */
enum sasl_mechanism {
    SASL_SCRAM_SHA_256_PLUS, /* RFC 7677 */
    SASL_SCRAM_SHA_256,
    SASL_SCRAM_SHA_1_PLUS, /* RFC 5802 */
    SASL_SCRAM_SHA_1,
    SASL_GSSAPI,      /* RFC 4752: Kerberos */
    SASL_GSS_SPNEGO,  /* RFC 4178, as Microsoft has it in SASL */
    SASL_NTLM,        /* MS-NLMP */
    SASL_OAUTHBEARER, /* RFC 7628 */
    SASL_XOAUTH2,     /* what there was before that */
    SASL_CRAM_MD5,    /* RFC 2195 */
    SASL_EXTERNAL,    /* RFC 4422 A: the client's certificate */
    SASL_PLAIN,       /* RFC 4616 */
    SASL_LOGIN,       /* PLAIN in two steps */
    SASL_MECHANISMS
};
#define SASL_BIT(mechanism) (UINT32_C(1) << (mechanism))
enum { SASL_ANY_MECHANISM = (1 << SASL_MECHANISMS) - 1 };
/* Their only proof is a token. */
#define SASL_BEARER_MECHANISMS (SASL_BIT(SASL_OAUTHBEARER) | SASL_BIT(SASL_XOAUTH2))
/* Both sides prove that they know the password, and neither shows it. */
#define SASL_SCRAM_MECHANISMS                                                                      \
    (SASL_BIT(SASL_SCRAM_SHA_256_PLUS) | SASL_BIT(SASL_SCRAM_SHA_256) |                            \
     SASL_BIT(SASL_SCRAM_SHA_1_PLUS) | SASL_BIT(SASL_SCRAM_SHA_1))

/* By number; NULL behind the last. */
extern const char *const sasl_mechanism_names[SASL_MECHANISMS + 1];
/* The bits of a list of names as servers give it; unknown ones are passed over. */
uint32_t sasl_mechanisms_of(struct text names);

/* Over what a mechanism may go that shows the secret itself to the peer. */
enum sasl_secrecy {
    SASL_OVER_VERIFIED_TLS, /* the peer's certificate was checked */
    SASL_OVER_TLS,          /* any certificate: no listener learns it, an impostor does */
    SASL_OVER_ANYTHING
};

/* Who we are, and what proves it. Parts we do not have are "". Borrowed: outlives the login. */
struct sasl_identity {
    struct text user; /* for Kerberos a principal, "mailer@EXAMPLE.TEST"; may be "" */
    struct text password;
    struct text domain;   /* NTLM's */
    struct text token;    /* RFC 6750: a bearer's */
    struct text keytab;   /* Kerberos: the file that holds our key */
    struct text tickets;  /* or the credential cache that others keep filled */
    bool has_certificate; /* shown in the TLS handshake */
    uint32_t allowed;     /* SASL_BITs */
    enum sasl_secrecy secrecy;
};

/* What a mechanism needs and does: bits. */
enum sasl_trait {
    SASL_NEEDS_USER = 1,
    SASL_NEEDS_PASSWORD = 2,
    SASL_NEEDS_TOKEN = 4,
    SASL_NEEDS_KERBEROS = 8,     /* a keytab, or tickets */
    SASL_NEEDS_CERTIFICATE = 16, /* shown in TLS */
    SASL_NEEDS_BINDING = 32,     /* a TLS channel that can be named (RFC 5056) */
    SASL_NEEDS_NTLM = 64,        /* the plug-in of the GSS library */
    SASL_SHOWS_SECRET = 128,     /* to the peer, and to whoever reads along */
    SASL_SPEAKS_FIRST = 256,     /* begins with a message of the client */
    SASL_BLOCKS = 512            /* its steps do */
};
unsigned sasl_mechanism_traits(enum sasl_mechanism mechanism);

/* The needs (sasl_trait) that an identity meets by itself. */
unsigned sasl_identity_meets(const struct sasl_identity *identity);
/* Some allowed mechanism can do with what the identity has, given the right peer. */
bool sasl_identity_suffices(const struct sasl_identity *identity);

#endif
