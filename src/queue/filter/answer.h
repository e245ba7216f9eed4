/* What an ITEM_ANSWER says: a message to be written in a script's name. Made with the record of the
 * message that the script was run over, and written from there, so that a crash neither loses nor
 * doubles it. Included only from queue/. */
#ifndef QUEUE_FILTER_ANSWER_H
#define QUEUE_FILTER_ANSWER_H

#include "queue/schedule/item.h"

enum answer_kind {
    ANSWER_VACATION = 1, /* RFC 5230: to the sender, about what he wrote */
    ANSWER_NOTIFY = 2,   /* RFC 5436 */
    ANSWER_TROUBLE = 3,  /* to the owner: his script went wrong */
};

struct answer_facts {
    enum answer_kind kind;
    struct text owner, from; /* from: the address it is sent from */
    struct text subject, text;
    bool is_mime, is_important;
};

void answer_encode(const struct answer_facts *facts, struct buffer *out);

#endif
