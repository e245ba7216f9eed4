/* What SORT and THREAD compare of a message, made of its header once and kept beside it: texts in
 * the form in which they are ordered (mail/collate.h), cut where they are long; message ids as
 * hashes. */
#ifndef PROTO_IMAP_SEARCH_IMAP_FACTS_H
#define PROTO_IMAP_SEARCH_IMAP_FACTS_H

#include "mail/charset.h"
#include "proto/imap/message/imap_message.h"

enum imap_fact {
    FACT_SUBJECT, /* the base subject */
    FACT_FROM,    /* the first address's mailbox */
    FACT_TO,
    FACT_CC,
    FACT_DISPLAY_FROM, /* RFC 5957: the name, else the address */
    FACT_DISPLAY_TO,
    FACTS,
};
enum {
    FACT_BYTES_MAX = 512,
    FACT_ID_BYTES = 16,
    /* Of more references those in the middle are left out. */
    FACT_REFERENCES_MAX = 64,
};

struct imap_facts {
    int64_t sent_ms; /* RFC 5256 2.2: of the Date field, or the internal date */
    bool has_sent;   /* the Date field could be read */
    bool is_reply;   /* by its subject */
    struct text texts[FACTS];
    struct text id;         /* FACT_ID_BYTES, or "" when it has none that is valid */
    struct text references; /* of each FACT_ID_BYTES, oldest first; or of In-Reply-To's first */
};

/* Texts live as long as the message. REFUSED: the message is gone. YIELDS. */
enum status imap_message_facts(struct imap_message *message, struct imap_facts *out);

/* Of a header section; without the internal date. */
void imap_facts_of(struct text header, struct charset_guess *guess, struct arena *arena,
                   struct imap_facts *out);

#endif
