/* The header section of a message (RFC 5322 2.2): finding and unfolding fields, counting what the
 * server must count. Never changes bytes. Linear in time, no matter what the bytes are. */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/arena.h"
#include "base/buffer.h"

/* One field as it stands: name, and body with folding and final CRLF still in it. */
struct header_field {
    struct text name;
    struct text body;  /* after the colon */
    struct text whole; /* name to the final CRLF */
};

/* Take the next field off *rest. False at the blank line (which is left in *rest), at the end, or
 * at a line that is no field. */
bool header_next(struct text *rest, struct header_field *field);
/* The same, but skips lines that are no field, up to the blank line. */
bool header_next_valid(struct text *rest, struct header_field *field);
/* The header section of a message: up to and without the blank line. */
struct text header_section(struct text message);
/* First field of that name (case-insensitive), from the header section; past lines that are no
 * field. */
bool header_find(struct text section, struct text name, struct header_field *field);
/* Body unfolded and trimmed, in arena. */
struct text header_unfold(struct text body, struct arena *arena);

/* What a server needs to know of a header section, gathered in one pass and in pieces: feed it
 * the message as it streams by. */
struct header_facts {
    unsigned received_count;
    bool has_date, has_message_id, has_from;
    bool ended;           /* the blank line was seen */
    bool has_8bit_header; /* needs SMTPUTF8 */
    bool tls_is_optional; /* "TLS-Required: No", RFC 8689 3 */
    bool has_priority;    /* a well-formed MT-Priority, RFC 6758 */
    int priority;
    char message_id[256]; /* first; without white space; "" when absent or longer */
    char subject[128];    /* first that is not empty; unfolded, not decoded, cut: for listings */
    /* private to header.c */
    char line[512];
    unsigned line_length;
    bool skip_line, in_subject, in_message_id;
};
void header_facts_init(struct header_facts *facts);
/* bytes may be cut anywhere; returns how many belonged to the header section, the blank line
 * included: less than all of them only when it has ended. */
size_t header_facts_feed(struct header_facts *facts, struct text bytes);
/* After the last byte, when no blank line came. */
void header_facts_end(struct header_facts *facts);

#endif
