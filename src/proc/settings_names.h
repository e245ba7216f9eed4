/* What is a name in the settings. */
#ifndef PROC_SETTINGS_NAMES_H
#define PROC_SETTINGS_NAMES_H

#include "base/arena.h"

/* A-labels, lower case, in the arena. False when it is no domain name. */
bool setting_domain_normalise(struct text domain, struct arena *arena, struct text *out);
/* Of a server, a connector, a secret: letters, digits, "-", "_" and "." inside; no path. */
bool setting_name_is_valid(struct text name);

#endif
