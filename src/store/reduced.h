/* A message as a user wants to have it: whole, or with one kind of each alternative alone
 * (mail/alternative.h), which is pieces of the message that is kept. What those are is found once
 * and kept with the message, and notes of who gives it to clients along with it. */
#ifndef STORE_REDUCED_H
#define STORE_REDUCED_H

#include "mail/alternative.h"
#include "store/mailbox.h"
#include "store/shown.h"

/* By its number in the settings pop3-body and imap-body. */
enum reduced_to { REDUCED_TO_BOTH, REDUCED_TO_PLAIN, REDUCED_TO_HTML };
enum { REDUCED_WHOLE_ABOVE = 16 << 20 }; /* larger ones are not taken apart */

/* What the bytes mean is for those who note them. */
enum reduced_note { REDUCED_HEADER, REDUCED_STRUCTURE, REDUCED_PREVIEW, REDUCED_NOTES };

struct reduced {
    enum reduced_to to;
    struct alternative_pieces pieces; /* none: it is as it is kept, and has no notes here */
    struct text notes[REDUCED_NOTES]; /* "": there is none yet */
};

/* Look, or know from before; out: in arena. run: it is one of many (derived.h), or NULL.
 * TRY_LATER: it can't be read, or there is no memory for it. REFUSED: it is gone. YIELDS. */
enum status reduced_find(struct store *store, struct derived_run *run,
                         const struct mailbox_entry *entry, enum reduced_to to, struct arena *arena,
                         struct reduced *out);
/* Of one that has pieces: set a note, whose bytes are borrowed, and keep it. What does not fit is
 * not kept. Does not YIELD. */
void reduced_set_note(struct store *store, uint64_t message, struct reduced *reduced,
                      enum reduced_note which, struct text bytes);

/* Never more than the entry says. */
uint64_t reduced_size(const struct reduced *reduced, const struct mailbox_entry *entry);
/* As shown_read, of its bytes. YIELDS. */
enum status reduced_read(struct shown *shown, const struct reduced *reduced, uint64_t offset,
                         uint32_t length, struct buffer *out);

#endif
