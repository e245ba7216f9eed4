/* The arguments of SMTP commands (RFC 5321 4.1.1, 4.1.2), parsed strictly. Pure. */
#ifndef PROTO_SMTP_SMTP_GRAMMAR_H
#define PROTO_SMTP_SMTP_GRAMMAR_H

#include "mail/address.h"
#include "mail/terms.h"
#include "settings/extensions.h"

/* Which reply a fault earns. fail_reason() says more. */
enum smtp_syntax {
    SMTP_SYNTAX_FINE,
    SMTP_SYNTAX_BAD,     /* not the form of the command */
    SMTP_SYNTAX_ADDRESS, /* the path is no address */
    SMTP_SYNTAX_VALUE,   /* a known parameter with a wrong value, or given twice */
    SMTP_SYNTAX_UNKNOWN, /* a parameter nobody offered */
};

/* What a server reads otherwise than RFC 5321 has it. */
struct smtp_style {
    unsigned without; /* EXTENSION_BITs whose parameters are not known */
    bool takes_bare;  /* addresses without < and > too */
};

struct smtp_mail {
    struct mail_address sender;
    bool is_null;
    uint64_t size; /* SIZE=, RFC 1870; 0: not given */
    /* Texts decoded and printable; by_ms and hold_until_ms are left to who knows the time. */
    struct mail_terms terms;
    bool has_priority;     /* MT-PRIORITY= was given */
    int64_t by_seconds;    /* of terms.by; from now, or before */
    int64_t hold_seconds;  /* HOLDFOR=, RFC 4865; 0: not given */
    int64_t hold_until_ms; /* HOLDUNTIL=, wall; 0: not given */
};
/* "FROM:<path> parameters", in arena. */
enum smtp_syntax smtp_parse_mail(struct text arguments, const struct smtp_style *style,
                                 struct arena *arena, struct smtp_mail *out);

struct smtp_rcpt {
    struct mail_address recipient;  /* no domain: postmaster */
    struct text original_recipient; /* ORCPT in ASCII (mail/orcpt.h), or "" */
    unsigned notify;                /* enum notify */
};
/* "TO:<path> parameters", in arena. */
enum smtp_syntax smtp_parse_rcpt(struct text arguments, const struct smtp_style *style,
                                 struct arena *arena, struct smtp_rcpt *out);

struct smtp_bdat {
    uint64_t size;
    bool is_last;
};
/* RFC 3030 2: "n [LAST]". */
bool smtp_parse_bdat(struct text arguments, struct smtp_bdat *out);

struct smtp_burl {
    struct text url; /* borrowed; nothing is known of it but that it is one word */
    bool is_last;
};
/* RFC 4468 3.5: "url [LAST]". */
bool smtp_parse_burl(struct text arguments, struct smtp_burl *out);

/* A name or address literal as HELO, EHLO and LHLO take it: safe to write into a header. */
bool smtp_is_helo_name(struct text name);

#endif
