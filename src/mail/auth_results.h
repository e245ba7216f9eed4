/* The field Authentication-Results (RFC 8601): writing ours, and knowing those that pretend to be.
 * Pure. */
#ifndef MAIL_AUTH_RESULTS_H
#define MAIL_AUTH_RESULTS_H

#include "base/arena.h"
#include "base/buffer.h"

/* One method's outcome: "spf=pass smtp.mailfrom=user@example.org". */
struct auth_result {
    struct text method, result;
    struct text property; /* "smtp.mailfrom"; "" when there is none */
    struct text value;    /* a domain, or an address in canonical form */
};
/* Append the field of this server (its authserv-id), CRLF behind it. */
void auth_results_write(struct text server, const struct auth_result *results, unsigned count,
                        struct buffer *out);

/* Append a header section without the fields that claim to be this server's (RFC 8601 5): only ours
 * may. How many they were. */
unsigned auth_results_strip(struct text section, struct text server, struct buffer *out);

#endif
