/* Message tracking as Exchange numbers it. There a message leaves a row at each step of its way;
 * here several steps are one record, so that one event of a story stands for several of those, in
 * their order. */
#ifndef ADMIN_TRACKING_H
#define ADMIN_TRACKING_H

#include "base/text.h"

/* The numbers an event of a story stands for, by its name and facts; *count 0: Exchange has none.
 */
const uint16_t *tracking_of(struct text event, struct text facts, unsigned *count);
/* What such a number means. */
const char *tracking_words(uint16_t number);
/* Of whom an event's facts tell, "" when of nobody alone. */
struct text tracking_recipient(struct text facts);

#endif
