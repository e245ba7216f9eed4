/* The texts of delivery reports that are shipped: the files of share/reports, in the program. */
#ifndef MAIL_REPORT_SHIPPED_H
#define MAIL_REPORT_SHIPPED_H

#include "base/text.h"

enum { REPORT_SHIPPED_COUNT = 5 };

struct report_shipped {
    const char *name; /* "de.txt" */
    const char *begin, *end;
};

/* English is the first. */
extern const struct report_shipped report_shipped[REPORT_SHIPPED_COUNT];

struct text report_shipped_bytes(const struct report_shipped *file);

#endif
