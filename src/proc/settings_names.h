/* What is a name in the settings. */
#ifndef PROC_SETTINGS_NAMES_H
#define PROC_SETTINGS_NAMES_H

#include "base/arena.h"
#include "proc/settings_table.h"

/* A-labels, lower case, in the arena. False when it is no domain name. */
bool setting_domain_normalise(struct text domain, struct arena *arena, struct text *out);
/* Of a server, a connector, a secret: letters, digits, "-", "_" and "." inside; no path. */
bool setting_name_is_valid(struct text name);

/* The name of a block of that kind, as it is kept, in the arena. False when it is none. */
bool setting_block_name(enum setting_kind_id kind, struct text word, struct arena *arena,
                        struct text *out);

#endif
