/* The one binary encoding: big-endian integers and length-prefixed text, written to a buffer and
 * read back by a reader that cannot run past its end. Used in log records and RPC frames. */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include "base/buffer.h"

void wire_put_u8(struct buffer *out, uint8_t value);
void wire_put_u16(struct buffer *out, uint16_t value);
void wire_put_u32(struct buffer *out, uint32_t value);
void wire_put_u64(struct buffer *out, uint64_t value);
/* u32 length, then the bytes. */
void wire_put_text(struct buffer *out, struct text text);
/* Another value for the u32 that was put at this offset. */
void wire_set_u32(struct buffer *out, size_t at, uint32_t value);

/* Reading past the end or a length that lies sets `bad` and gives zero or "" from then on, so
 * a record is read to its end and checked once with wire_end. */
struct wire_reader {
    struct text rest;
    bool bad;
};

struct wire_reader wire_reader_of(struct text bytes);
uint8_t wire_get_u8(struct wire_reader *in);
uint16_t wire_get_u16(struct wire_reader *in);
uint32_t wire_get_u32(struct wire_reader *in);
uint64_t wire_get_u64(struct wire_reader *in);
/* Borrowed from the bytes read. */
struct text wire_get_text(struct wire_reader *in);
/* True when nothing was bad and nothing is left over. */
bool wire_end(const struct wire_reader *in);

#endif
