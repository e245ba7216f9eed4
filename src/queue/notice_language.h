/* In which language a report is written. Included only from queue/. */
#ifndef QUEUE_NOTICE_LANGUAGE_H
#define QUEUE_NOTICE_LANGUAGE_H

#include "mail/report_texts.h"

struct queue;

/* Who will read it. */
struct notice_reader {
    struct text address;
    struct text original; /* the header section of what he has sent; "" when it was not he */
};
/* Lent until the next yield. */
struct notice_language {
    const struct report_texts *texts, *more_texts; /* as struct report has them */
};
/* A user's own language (mailroot user set), else the one his message speaks of (RFC 3282), else
 * that of his domain, else that of the server. Does not yield. */
struct notice_language notice_language(const struct queue *queue,
                                       const struct notice_reader *reader);

#endif
