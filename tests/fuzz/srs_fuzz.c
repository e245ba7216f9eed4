/* Rewritten senders: whatever is rewritten leads back, and nothing that was not does. */
#include "base/check.h"
#include "mail/address.h"
#include "mail/srs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct text key = {"0123456789abcdef", 16};
    const int64_t now_ms = INT64_C(1800000000000);
    struct text given = text_of(data, size), out, back, read;
    struct mail_address address;
    struct arena arena;
    arena_init(&arena);
    if (mail_address_parse(given, &arena, &address) == OK &&
        srs_rewrite(key, given, TEXT("ours.example"), now_ms, &arena, &out) == OK) {
        check(srs_is_rewritten(out));
        check(srs_reverse(key, out, now_ms, &arena, &back) == OK);
        check(srs_read(out, &arena, &read) && text_equals(read, back));
        /* One that was rewritten before comes back as the first forwarder's. */
        bool was_second = text_starts_with_nocase(address.local_part, TEXT("SRS1"));
        struct mail_address again;
        check(mail_address_parse(back, &arena, &again) == OK);
        check(was_second || text_equals_nocase(again.local_part, address.local_part));
    }
    if (srs_reverse(key, given, now_ms, &arena, &out) == OK)
        check(mail_address_parse(out, &arena, &address) == OK);
    arena_finish(&arena);
    return 0;
}
