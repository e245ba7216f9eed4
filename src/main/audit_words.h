/* What the verbs that look at an installation share. Included only from main/. */
#ifndef MAIN_AUDIT_WORDS_H
#define MAIN_AUDIT_WORDS_H

#include "decide/finding.h"
#include "main/audit_verbs.h"
#include "settings/settings.h"

enum { AUDIT_DONE = 0, AUDIT_FAULT = 1, AUDIT_TROUBLE = 2 };

/* The settings, held; NULL: they have errors, which were printed. */
struct settings *audit_settings(const char *path);
/* Prints; the exit status. */
int audit_conclude(const struct findings *findings, bool json);
int audit_complain(const char *what);

#endif
