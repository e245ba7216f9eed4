/* The directory of report texts (`reports texts`): read by the parent and the commands, taken up by
 * the role that writes the reports. */
#ifndef MAIN_REPORT_FILES_H
#define MAIN_REPORT_FILES_H

#include "mail/report_texts.h"
#include "settings/settings.h"

enum { REPORT_FILES_MAX = 1 << 20 };

/* Its files, as wire texts path, bytes ..., in the order of their names; nothing when no directory
 * is named. REFUSED: one is not as it should be, or there are no texts in a language that the
 * settings name; all that is wrong with the files is in messages. Blocks. */
enum status report_files_read(const struct settings *settings, struct buffer *messages,
                              struct buffer *out);
/* What is shipped, and these files. The caller frees it. */
struct report_catalog *report_files_catalog(struct text files);

#endif
