/* Heads of blocks: what can be read is written back as it was. Parts: only those of their head. */
#include <string.h>

#include "base/check.h"
#include "proto/imap/search/imap_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct imap_words_head head, again;
    struct text bytes = text_of(data, size), part = bytes;
    struct buffer out;
    buffer_init(&out, 2 * size + (64 << 10));
    if (imap_words_head_decode(bytes, &head)) {
        check(head.count > 0 && head.count <= BLOCK_MEMBERS);
        for (unsigned i = 1; i < head.count; i++)
            check(head.uids[i - 1] < head.uids[i]);
        imap_words_head_encode(&head, &out);
        check(!out.overflowed && out.length <= size);
        check(imap_words_head_decode(buffer_text(&out), &again));
        check(memcmp(&head, &again, sizeof(head)) == 0);
    }
    uint64_t stamp = imap_words_stamp(bytes);
    check(!imap_words_part_decode(&part, stamp));
    buffer_reset(&out, 0);
    imap_words_part_encode(bytes, stamp, &out);
    part = buffer_text(&out);
    check(imap_words_part_decode(&part, stamp) && text_equals(part, bytes));
    part = buffer_text(&out);
    check(!imap_words_part_decode(&part, stamp + 1));
    buffer_finish(&out);
    return 0;
}
