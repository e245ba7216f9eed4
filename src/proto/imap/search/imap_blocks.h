/* Making blocks (imap_words.h) of what of a mailbox was looked through, BLOCK_MEMBERS messages at a
 * time; what is left over stays as it is. */
#ifndef PROTO_IMAP_SEARCH_IMAP_BLOCKS_H
#define PROTO_IMAP_SEARCH_IMAP_BLOCKS_H

#include "store/mailbox.h"

/* Called now and then while there is work; may YIELD. */
struct imap_blocks_pause {
    void (*pause)(void *context);
    void *context;
};
/* Make blocks of what lies below this UID, all of which was looked through but for what can't be
 * read, for those who guess this charset (mail/charset.h); and put those together, or remove them,
 * of which much is gone. YIELDS. */
void imap_blocks_make(struct store *store, uint64_t mailbox, uint32_t before, uint8_t charset,
                      const struct imap_blocks_pause *pause);

/* Entries in blocks of which nothing is known for those who guess this charset are fresh again
 * (store/fresh.h). Where they are many all blocks are forgotten instead. YIELDS. */
void imap_blocks_renew(struct store *store, uint64_t mailbox, uint8_t charset);

#endif
