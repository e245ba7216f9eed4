/* DNS as a table, for tests of SPF. */
#ifndef TESTS_UNIT_SPF_ZONE_H
#define TESTS_UNIT_SPF_ZONE_H

#include "decide/spf.h"

/* "A", "192.0.2.1"; "TXT", "v=spf1 -all"; a value NULL: DNS fails for that name and type. A name
 * with rows of other types only exists, and has none of this one. */
struct spf_row {
    const char *name, *type, *value;
};
struct spf_zone {
    const struct spf_row *rows;
    unsigned count;
    unsigned asked;
    char last[256]; /* the name asked for last */
};

/* A look-up; context is a struct spf_zone. */
enum status spf_zone_look_up(void *context, enum resolver_kind kind, struct text name,
                             struct arena *arena, struct resolver_records *out);

#endif
