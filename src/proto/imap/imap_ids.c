#include "proto/imap/imap_ids.h"

#include <stdio.h>

#include "base/id.h"

/* By all that must not change under an id: the bytes and the size. */
static char letter_of(const struct imap_showing *showing)
{
    switch (showing->to) {
    case REDUCED_TO_PLAIN:
        return showing->has_fast_sizes ? 'Q' : 'P';
    case REDUCED_TO_HTML:
        return showing->has_fast_sizes ? 'I' : 'H';
    default:
        return 'M';
    }
}

const char *imap_email_id(const struct imap_showing *showing, uint64_t message,
                          char out[IMAP_ID_BYTES])
{
    char id[ID_TEXT_BYTES];
    snprintf(out, IMAP_ID_BYTES, "%c%s", letter_of(showing), id_format(message, id));
    return out;
}

const char *imap_mailbox_id(uint64_t mailbox, char out[IMAP_ID_BYTES])
{
    snprintf(out, IMAP_ID_BYTES, "F%llu", (unsigned long long)mailbox);
    return out;
}

uint64_t imap_email_of(const struct imap_showing *showing, struct text id)
{
    uint64_t message;
    if (id.length == 0 || id.data[0] != letter_of(showing) ||
        !id_parse(text_from_position(id, 1), &message))
        return 0;
    return message;
}
