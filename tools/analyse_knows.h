/* What tools/analyse tells the analysers, which see one source file at a time. */
#ifndef TOOLS_ANALYSE_KNOWS_H
#define TOOLS_ANALYSE_KNOWS_H

#include "base/status.h"

/* They never return OK; the last one returns what it was given. */
#define try_later(...) (try_later(__VA_ARGS__), TRY_LATER)
#define refused(...) (refused(__VA_ARGS__), REFUSED)
#define fail_within(status, ...) (fail_within(status, __VA_ARGS__), (status))

#define text_is_empty(text) ((text).length == 0)

#endif
