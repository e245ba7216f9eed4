/* Numbers as settings write them: 100, 25MB, 30d. For those who read or show such a value outside
 * of the file. */
#ifndef SETTINGS_NUMBER_H
#define SETTINGS_NUMBER_H

#include "base/buffer.h"

enum setting_number { SETTING_COUNT, SETTING_SIZE /* bytes */, SETTING_TIME /* milliseconds */ };

/* False: it is no such number. Only 0 goes without its unit. */
bool setting_number_read(enum setting_number kind, struct text word, uint64_t *out);
void setting_number_write(enum setting_number kind, uint64_t value, struct buffer *out);

#endif
