#include "proto/imap/imap_ids.h"

#include <stdio.h>

#include "base/id.h"

const char *imap_email_id(uint64_t message, char out[IMAP_ID_BYTES])
{
    char id[ID_TEXT_BYTES];
    snprintf(out, IMAP_ID_BYTES, "M%s", id_format(message, id));
    return out;
}

const char *imap_mailbox_id(uint64_t mailbox, char out[IMAP_ID_BYTES])
{
    snprintf(out, IMAP_ID_BYTES, "F%llu", (unsigned long long)mailbox);
    return out;
}

uint64_t imap_email_of(struct text id)
{
    uint64_t message;
    if (!text_starts_with(id, TEXT("M")) || !id_parse(text_from_position(id, 1), &message))
        return 0;
    return message;
}
