/* What is a name in the settings. */
#ifndef SETTINGS_NAMES_H
#define SETTINGS_NAMES_H

#include "base/arena.h"
#include "settings/table.h"

/* A-labels, lower case, in the arena. False when it is no domain name. */
bool setting_domain_normalise(struct text domain, struct arena *arena, struct text *out);
/* An address space, or a policy's domain: a domain, "*.domain" or "*domain"; in the arena. */
bool setting_space_normalise(struct text word, struct arena *arena, struct text *out);
struct setting_reader;
/* Read one more of a list that is part of a value. False when an error was reported. */
bool setting_text_append(struct setting_reader *in, bool (*parse)(struct setting_reader *, void *),
                         struct text **texts, unsigned *count);
/* Of a server, a connector, a secret: letters, digits, "-", "_" and "." inside; no path. */
bool setting_name_is_valid(struct text name);

/* The name of a block of that kind, as it is kept, in the arena. False when it is none. */
bool setting_block_name(enum setting_kind_id kind, struct text word, struct arena *arena,
                        struct text *out);

#endif
