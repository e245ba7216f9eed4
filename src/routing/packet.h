/* The packets in which servers tell each other of links, by X-LINK2STATE between routing groups and
 * on port 691 within one. A packet is
 *
 *     {hhhhhhhh} MULTI (5) ({hhhhhhhh} WORD arguments) ({hhhhhhhh} ...) ...
 *
 * where {hhhhhhhh} is the length in hexadecimal of what follows it: of the rest of the packet, or
 * of a part up to its closing parenthesis. Microsoft published the frame alone; the words and their
 * order are from what administrators were shown, and the rest is ours. */
#ifndef ROUTING_PACKET_H
#define ROUTING_PACKET_H

#include "base/buffer.h"
#include "base/status.h"

enum { LINK_STATE_PARTS_MAX = 4, LINK_STATE_DIGEST_BYTES = 32 };

enum link_state_word {
    LINK_STATE_DIGEST_QUERY,  /* organisation, digest of its table, major and minor version */
    LINK_STATE_ORGINFO,       /* {hhhhhhhh} and a table */
    LINK_STATE_REPORT,        /* to the master: {hhhhhhhh} and what a member says of itself */
    LINK_STATE_DONE,          /* the asker has heard all it wanted */
    LINK_STATE_RESPONSE,      /* answer: ORGINFO and our table */
    LINK_STATE_DONE_RESPONSE, /* answer: nothing to add */
};
struct link_state_part {
    enum link_state_word word;
    struct text arguments;
};
struct link_state_packet {
    struct link_state_part parts[LINK_STATE_PARTS_MAX];
    unsigned part_count;
};

/* Parse; texts are borrowed. REFUSED with the reason. Pure. */
enum status link_state_parse(struct text bytes, struct link_state_packet *out);
void link_state_write(const struct link_state_packet *packet, struct buffer *out);

/* How many bytes follow the "{hhhhhhhh}" that a packet begins with. */
enum { LINK_STATE_COUNT_BYTES = 10 };
bool link_state_length(struct text head, size_t *length);

/* "ORGANISATION DIGEST major minor" of a DIGEST_QUERY. False when malformed. */
struct link_state_query {
    struct text organisation, digest;
};
bool link_state_query_parse(struct text arguments, struct link_state_query *out);
/* "{hhhhhhhh}" and the bytes, of ORGINFO and REPORT. False when malformed. */
bool link_state_counted(struct text arguments, struct text *bytes);

/* What a server answers that is in no routing group: its table is empty, and whatever differs from
 * that is told so. REFUSED: a part is no question, or malformed. Texts of the answer are constant.
 */
enum status link_state_answer(const struct link_state_packet *asked,
                              struct link_state_packet *answer);

#endif
