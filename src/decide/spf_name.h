/* Domain names as SPF meets them: written by strangers, and made by macros. Pure. */
#ifndef DECIDE_SPF_NAME_H
#define DECIDE_SPF_NAME_H

#include "base/text.h"

enum { SPF_NAME_MAX = 253 };

/* Could be asked about; RFC 7208 4.3 has what is malformed. A final dot is fine. */
bool spf_name_is_valid(struct text name);
/* The domain itself, or below it. */
bool spf_name_is_within(struct text name, struct text domain);
/* 7.3: one that is too long loses labels on its left. */
struct text spf_name_shortened(struct text name);

#endif
