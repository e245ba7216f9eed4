/* A message that somebody wrote into a file, read as one that is to be sent: who sends it and who
 * gets it, by the envelope's lines or else by its header; and its header as it goes out. Pure. */
#ifndef FOLDER_MESSAGE_H
#define FOLDER_MESSAGE_H

#include "folder/envelope.h"

enum { FOLDER_HEADER_MAX = 256 << 10 };

/* What the header is completed with. */
struct folder_origin {
    struct text host;   /* of the server */
    struct text domain; /* for addresses without one */
    struct text sender; /* for a message without From; may lack a domain */
    uint64_t id;
    unsigned uid; /* of whoever put it there */
    int64_t now_ms;
};

/* The start of a message, lines ended by CRLF: its envelope and header, which must lie in head
 * whole. Addresses come out canonical; a sender is there. header gets the header as it goes out:
 * stamped, without Bcc, addresses with domains, From, Date and Message-ID completed, and the blank
 * line. *used is where the body begins in head. A first line that is no field begins the body.
 * REFUSED with the reason. */
enum status folder_message_read(struct text head, const struct folder_origin *origin,
                                struct arena *arena, struct folder_envelope *envelope,
                                struct buffer *header, size_t *used);

/* Add those that To, Cc and Bcc name (of a message that is sent on: the Resent- ones) to the
 * envelope. header: the header section. domain "": those without one stay so. */
enum status folder_header_receivers(struct text header, struct text domain, struct arena *arena,
                                    struct folder_envelope *envelope);
/* The header section at the start of a message, without the line "From " of a mailbox file; *used
 * is where the body begins: behind the blank line, or at a line that is no field. */
struct text folder_header_section(struct text head, size_t *used);

#endif
