/* What a serving process does about certificates by itself: it takes up files that changed, warns
 * of those that end soon, and describes all for `mailroot status`. */
#ifndef MAIN_CERTIFICATES_H
#define MAIN_CERTIFICATES_H

#include "main/site.h"

enum { CERTIFICATE_WARN_DAYS = 14 };

struct certificates {
    struct site *site;
    const bool *is_changing; /* somebody else is about to change the site: wait with ours */
    /* The site has other certificates now: tell the fronts. YIELDS. */
    void (*changed)(void *context);
    void *context;
};

/* A task: looks every few seconds until it is cancelled. YIELDS. */
void certificates_watch(void *certificates);
/* A line for each: names, days left, trouble. */
void certificates_describe(const struct site *site, bool json, struct buffer *out);

#endif
