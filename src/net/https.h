/* Small documents by HTTPS, over libcurl. For the one role that may connect (send). */
#ifndef NET_HTTPS_H
#define NET_HTTPS_H

#include "base/buffer.h"
#include "base/status.h"
#include "net/address.h"

struct https_request {
    struct text host;      /* A-labels; the certificate must be for it */
    struct text path;      /* "/.well-known/mta-sts.txt" */
    struct text roots_pem; /* authorities; "" those of the system */
    uint16_t port;         /* 0: 443 */
    /* Where the host is: addresses, whose ports do not count; or the proxy that finds it. */
    const struct net_address *addresses;
    unsigned address_count;
    const struct net_address *proxy; /* NULL: none */
    int64_t timeout_ms;
    struct text media_type; /* what the answer must be: "text/plain" */
};
/* A GET: no redirect is followed, no cookie kept. OK: the whole body of a 200 is appended to out,
 * whose limit bounds it. TRY_LATER: anything else, with why. YIELDS (a thread of the pool waits).
 */
enum status https_get(const struct https_request *request, struct buffer *out);

/* What is posted: fields that are encoded already (application/x-www-form-urlencoded), by a client
 * with a name and a password (RFC 7617). */
struct https_form {
    struct text fields, user, password;
};
/* The same with a POST. What held secrets is wiped. YIELDS. */
enum status https_post(const struct https_request *request, const struct https_form *form,
                       struct buffer *out);
/* Append a value as a field of a form has it. */
bool https_form_encode(struct text value, struct buffer *out);

#endif
