/* Replies of SMTP servers. Oracle: however the bytes are cut, the same replies come out, within the
 * limits, and nothing in them can break a line. */
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "proto/smtp/client/smtp_client_reply.h"

/* All replies in the bytes, fed in pieces whose sizes follow from `cut`; a digest of them. */
static uint64_t digest(struct text bytes, unsigned cut)
{
    struct smtp_reply reply;
    uint64_t seen = 0;
    unsigned step = 0;
    smtp_reply_init(&reply);
    enum smtp_reply_progress progress = SMTP_REPLY_MORE;
    while (!text_is_empty(bytes) && progress != SMTP_REPLY_GARBAGE) {
        size_t size = cut == 0 ? bytes.length : 1 + cut * ++step % 7;
        struct text piece = text_head(bytes, size), rest = piece;
        progress = smtp_reply_feed(&reply, &rest);
        bytes = text_from_position(bytes, piece.length - rest.length);
        if (progress == SMTP_REPLY_MORE) {
            check(rest.length == 0);
            continue;
        }
        uint32_t facts[] = {progress, progress == SMTP_REPLY_DONE ? reply.code : 0};
        seen = hash_checksum_more(seen, text_of(facts, sizeof(facts)));
        if (progress == SMTP_REPLY_GARBAGE)
            break;
        check(reply.code >= 200 && reply.code <= 599 && reply.lines <= SMTP_REPLY_MAX_LINES);
        check(reply.enhanced[0] == '\0' || reply.enhanced[0] == (char)('0' + reply.code / 100));
        struct text words = buffer_text(&reply.words);
        for (size_t i = 0; i < words.length; i++)
            check((unsigned char)words.data[i] >= ' ' || words.data[i] == '\n' ||
                  words.data[i] == '\t');
        seen = hash_checksum_more(seen, words);
        seen = hash_checksum_more(seen, text_from(reply.enhanced));
        struct buffer line;
        buffer_init(&line, 3 * SMTP_REPLY_MAX_BYTES);
        smtp_reply_describe(&reply, 100, &line);
        check(line.length >= 3 && line.length <= 100 && !line.overflowed);
        check(text_find(buffer_text(&line), '\n') == line.length);
        buffer_finish(&line);
        smtp_reply_reset(&reply);
    }
    smtp_reply_finish(&reply);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text bytes = text_of(data, size);
    uint64_t whole = digest(bytes, 0);
    for (unsigned cut = 1; cut < 4; cut++)
        check(digest(bytes, cut) == whole);
    return 0;
}
