/* The addresses of web pages that settings name: "https://host[:port]/path". */
#ifndef NET_URL_H
#define NET_URL_H

#include "base/text.h"

struct https_url {
    struct text host; /* as written */
    uint16_t port;    /* 443 unless written */
    struct text path; /* from "/" on; "/" when nothing is written */
};
/* Borrowed from url. False: another scheme, no host, a user, a fragment, or bytes that an address
 * has not. An IPv6 literal is not taken. */
bool https_url_parse(struct text url, struct https_url *out);

#endif
