/* Mail addresses (RFC 5321 4.1.2, RFC 6531): parsing of paths and addr-specs. */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/status.h"

/* local_part is unquoted (the bytes meant, not the bytes written); domain is lower case with
 * international names kept as U-labels and compared through domain_ascii (A-labels, lower case).
 * An address literal keeps its brackets. */
struct mail_address {
    struct text local_part;
    struct text domain;
    struct text domain_ascii;
    bool is_literal;       /* domain is [192.0.2.1] or [IPv6:...] */
    bool is_international; /* non-ASCII in local part or domain: needs SMTPUTF8 */
};

/* The local part is measured as mail_address_text writes it, so no text is longer than
 * MAIL_ADDRESS_MAX. */
enum { MAIL_LOCAL_PART_MAX = 64, MAIL_DOMAIN_MAX = 255, MAIL_ADDRESS_MAX = 320 };

/* `local@domain` without brackets. Strict: no white space, no comments; dot-atom or quoted-string.
 * REFUSED with a precise reason. Copies into arena. */
enum status mail_address_parse(struct text text, struct arena *arena, struct mail_address *out);

/* A path at the start of *rest: "<local@domain>" or "<>" (null, *is_null), an obsolete source route
 * is dropped (RFC 5321 appendix C), "<postmaster>" gives an empty domain. The closing ">" is
 * taken off *rest. REFUSED with a precise reason. */
enum status mail_path_parse(struct text *rest, struct arena *arena, struct mail_address *out,
                            bool *is_null);

/* The canonical text local@domain (quoting the local part where needed), in arena. */
struct text mail_address_text(const struct mail_address *address, struct arena *arena);
/* Key for look-ups: local part case-folded (ASCII) and domain as A-labels, "local@domain". */
struct text mail_address_key(const struct mail_address *address, struct arena *arena);

/* A domain name in A-labels, lower case; false when it is none (empty label, over 255, bad IDNA).
 * Bare host names ("localhost") are allowed. */
bool mail_domain_to_ascii(struct text domain, struct arena *arena, struct text *out);

#endif
