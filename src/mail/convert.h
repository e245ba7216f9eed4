/* A message for a next hop that takes less than it holds (RFC 6152 3, RFC 3030 3): parts whose
 * bytes cannot pass are put into quoted-printable or base64, and only those. Every leaf decodes to
 * the same bytes before and after. Two passes over the message, fed in any cutting; memory is
 * bounded.
 *
 *     convert_new ... convert_look ... convert_plan            what has to be done, if anything
 *                     convert_write ... convert_write_end      doing it
 *
 * When nothing has to be done nothing is: signatures stay valid. When something has to be, a
 * DKIM-Signature over the body will not verify any more (RFC 6376 5.3 tells signers to avoid that);
 * the message is then as good as unsigned, which is better than undelivered. The content of a
 * multipart/signed is never changed (RFC 1847 2.1). */
#ifndef MAIL_CONVERT_H
#define MAIL_CONVERT_H

#include "base/buffer.h"
#include "base/status.h"
#include "mail/mime.h"

/* More of a message at once is not written per byte read: for the size of output buffers. */
enum { CONVERT_MOST_GROWTH = 16, CONVERT_MOST_EXTRA = 8192 };

struct convert;

/* holds: MIME_8BIT or MIME_BINARY, what the message may hold. takes: MIME_7BIT or MIME_8BIT. */
struct convert *convert_new(enum mime_encoding holds, enum mime_encoding takes);
/* Accepts NULL. */
void convert_free(struct convert **convert);

void convert_look(struct convert *convert, struct text bytes);
/* After the last byte. OK: *needed says whether there is anything to do. REFUSED: it cannot be
 * done, fail_reason() says why and *code is the status for it (RFC 3463 3.7): 5.6.2 when it may
 * not be, 5.6.3 when there is no way. */
enum status convert_plan(struct convert *convert, bool *needed, const char **code);
/* A header among what was looked at, the message's or a part's, has bytes beyond ASCII. */
bool convert_saw_8bit_header(const struct convert *convert);
/* Size of the message as it will be written. After convert_plan. */
uint64_t convert_length(const struct convert *convert);

/* The second pass, over the same bytes, as often as wanted: the converted ones are
 * appended to out, at most CONVERT_MOST_GROWTH times as many and CONVERT_MOST_EXTRA. */
void convert_write(struct convert *convert, struct text bytes, struct buffer *out);
void convert_write_end(struct convert *convert, struct buffer *out);

#endif
