/* Findings as administrators read them. */
#ifndef ADMIN_FINDINGS_H
#define ADMIN_FINDINGS_H

#include "admin/admin.h"
#include "decide/finding.h"

/* One line each, with the remedy below; json: one object each. */
void findings_print(const struct findings *findings, bool json, struct buffer *out);
/* And at last, for people, what to begin with. REFUSED when something is at fault. */
enum status findings_conclude(const struct findings *findings, bool json, struct buffer *out);

#endif
