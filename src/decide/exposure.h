/* What the settings open to others: every way to relay, and what is weaker than it could be. Pure;
 * the findings name the line to change. */
#ifndef DECIDE_EXPOSURE_H
#define DECIDE_EXPOSURE_H

#include "decide/finding.h"
#include "settings/settings.h"

/* Who may send mail through us to domains that are not ours. A way that is open to everybody is a
 * fault, one that is open to many a warning. */
void decide_ways_to_relay(const struct settings *settings, struct findings *findings);
/* Passwords, TLS, brakes on guessing, and what strangers may ask. */
void decide_weaknesses(const struct settings *settings, struct findings *findings);

/* The line of a setting, as findings name it: " (mailroot.conf:12)"; "" for a default. */
struct text decide_place_text(struct arena *arena, const struct setting_place *place);

#endif
