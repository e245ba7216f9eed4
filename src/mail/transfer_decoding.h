/* Undoing content transfer encodings (RFC 2045 6): tolerant, because it is for reading what others
 * wrote; and as a stream, because bodies are large. */
#ifndef MAIL_TRANSFER_DECODING_H
#define MAIL_TRANSFER_DECODING_H

#include "base/buffer.h"
#include "mail/mime.h"

struct transfer_decoder {
    enum mime_encoding encoding;
    uint32_t bits; /* base64: gathered, bit_count of them */
    unsigned bit_count;
    bool ended;   /* base64: the padding was met */
    char held[2]; /* quoted-printable: "=" and what follows, not yet understood */
    unsigned held_count;
    struct buffer blanks; /* quoted-printable: white space that may be at the end of a line */
    /* Something was not what the encoding writes: skipped (base64) or kept (quoted-printable). */
    bool met_error;
};
/* 7bit, 8bit, binary and what is not known pass as they are. */
void transfer_decoder_init(struct transfer_decoder *decoder, enum mime_encoding encoding);
/* Any cutting. False when out is full. */
bool transfer_decoder_feed(struct transfer_decoder *decoder, struct text bytes, struct buffer *out);
/* What was held back at the end, and the end of the decoder. */
bool transfer_decoder_end(struct transfer_decoder *decoder, struct buffer *out);

/* A whole body. False when out is full: it has the beginning. */
bool transfer_decode(enum mime_encoding encoding, struct text bytes, struct buffer *out);

#endif
