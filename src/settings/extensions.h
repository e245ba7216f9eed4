/* The extensions of SMTP by name: what `without` in the settings can switch off, for a server or
 * towards the hosts of a connector. What they do is known in proto/smtp alone. */
#ifndef SETTINGS_EXTENSIONS_H
#define SETTINGS_EXTENSIONS_H

/* In the order in which EHLO lists them. A server holds those it does without as a mask. */
enum extension {
    EXTENSION_SIZE,          /* RFC 1870 */
    EXTENSION_PIPELINING,    /* RFC 2920 */
    EXTENSION_CHUNKING,      /* RFC 3030: BDAT */
    EXTENSION_BINARYMIME,    /* RFC 3030; nothing without CHUNKING */
    EXTENSION_BURL,          /* RFC 4468; nothing without CHUNKING and 8BITMIME */
    EXTENSION_8BITMIME,      /* RFC 6152 */
    EXTENSION_SMTPUTF8,      /* RFC 6531; nothing without 8BITMIME */
    EXTENSION_DSN,           /* RFC 3461 */
    EXTENSION_ENHANCEDCODES, /* RFC 2034: also the x.y.z of every reply */
    EXTENSION_STARTTLS,      /* RFC 3207 */
    EXTENSION_REQUIRETLS,    /* RFC 8689 */
    EXTENSION_AUTH,          /* RFC 4954 */
    EXTENSION_AUTHLOGIN,     /* the same for clients of before 1999; nothing without AUTH */
    EXTENSION_ETRN,          /* RFC 1985 */
    EXTENSION_ATRN,          /* RFC 2645 */
    EXTENSION_TURN,          /* RFC 821 */
    EXTENSION_DELIVERBY,     /* RFC 2852 */
    EXTENSION_FUTURERELEASE, /* RFC 4865 */
    EXTENSION_MTPRIORITY,    /* RFC 6710 */
    EXTENSION_LIMITS,        /* RFC 9422 */
    EXTENSION_XCLIENT,       /* of Postfix */
    EXTENSION_XEXPS,         /* AUTH between Exchange servers */
    EXTENSION_XEXPSLOGIN,    /* the same in the older form; nothing without X-EXPS */
    EXTENSION_XLINK2STATE,   /* link state between Exchange servers */
    EXTENSION_XEXCH50,       /* message properties between Exchange servers */
    EXTENSION_VRFY,          /* RFC 5321 4.1.1.6 */
    EXTENSION_EXPN,          /* RFC 5321 4.1.1.7 */
    EXTENSION_HELP,          /* RFC 5321 4.1.1.8 */
    EXTENSION_COUNT,
};

#define EXTENSION_BIT(extension) (1u << (extension))
#define EXTENSIONS_ALL (EXTENSION_BIT(EXTENSION_COUNT) - 1)

/* The keywords, by number; NULL behind the last. */
extern const char *const extension_keywords[EXTENSION_COUNT + 1];

#endif
