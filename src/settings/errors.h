/* Errors are the product: where, what, the line with a caret, and the remedy. */
#ifndef SETTINGS_ERRORS_H
#define SETTINGS_ERRORS_H

#include "base/buffer.h"
#include "settings/settings.h"

enum { SETTINGS_ERRORS_MAX = 50 };

struct settings_errors {
    const struct settings_source *source; /* where the lines are */
    struct buffer *out;
    unsigned count; /* of errors, also those not written any more */
    unsigned warnings;
};

/* length: how many bytes of the line are meant. hint may be "". A place without a line is the
 * file as a whole. */
void settings_error(struct settings_errors *errors, const struct setting_place *place,
                    uint32_t length, struct text hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void settings_warning(struct settings_errors *errors, const struct setting_place *place,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Say how many were left out. */
void settings_errors_end(struct settings_errors *errors);
/* A word short enough for a message. */
struct text setting_shown(struct text word);

#endif
