/* Messages as a POP3 user wants them: whole, or with one kind of each alternative alone
 * (mail/alternative.h). What is left out where is found once and kept with the message. */
#ifndef MAIN_POP3_BODY_H
#define MAIN_POP3_BODY_H

#include "store/mailbox.h"

/* By its number in the setting pop3-body. */
enum pop3_body { POP3_BODY_BOTH, POP3_BODY_PLAIN, POP3_BODY_HTML };
enum { POP3_BODY_WHOLE_ABOVE = 16 << 20 }; /* larger ones are not taken apart */

/* Its size; on failure that of the whole. YIELDS. */
uint64_t pop3_body_size(struct store *store, const struct mailbox_entry *entry,
                        enum pop3_body body);
/* Append the bytes from offset to end, less at the end of the message. As mailbox_read. YIELDS. */
struct pop3_body_range {
    uint64_t offset, end;
};
enum status pop3_body_read(struct store *store, const struct mailbox_entry *entry,
                           enum pop3_body body, struct pop3_body_range range, struct buffer *out);

#endif
