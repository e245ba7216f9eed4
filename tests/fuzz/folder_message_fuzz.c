/* Files of a pickup folder: the header that comes out has whole lines, shows no Bcc and ends with
 * the blank line; whoever is named can be written into an envelope and read back. */
#include "base/check.h"
#include "folder/line_ends.h"
#include "folder/message.h"
#include "mail/address.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(struct text header)
{
    struct header_field field;
    struct text rest = header;
    while (header_next(&rest, &field)) {
        check(!text_equals_nocase(field.name, TEXT("Bcc")));
        check(!text_equals_nocase(field.name, TEXT("Resent-Bcc")));
    }
    check(text_equals(rest, TEXT("\r\n")));
    check(header_find(header, TEXT("From"), &field) && header_find(header, TEXT("Date"), &field));
}

static void check_envelope(const struct folder_envelope *envelope, struct arena *arena)
{
    struct buffer lines;
    struct folder_envelope again;
    struct mail_address address;
    buffer_init(&lines, 64 << 20);
    folder_envelope_write(envelope, &lines);
    struct text rest = buffer_text(&lines);
    check(folder_envelope_read(&rest, arena, &again) == OK && rest.length == 0);
    check(again.has_sender && text_equals(again.sender, envelope->sender));
    check(again.receiver_count == envelope->receiver_count && again.receiver_count > 0);
    for (unsigned i = 0; i < again.receiver_count; i++) {
        check(text_equals(again.receivers[i].address, envelope->receivers[i].address));
        check(mail_address_parse(again.receivers[i].address, arena, &address) == OK);
    }
    buffer_finish(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct folder_origin origin = {.host = {"mx.example", 10},
                                                .domain = {"example", 7},
                                                .sender = {"postmaster", 10},
                                                .id = 1};
    struct line_ends ends = {0};
    struct folder_envelope envelope;
    struct buffer head, header;
    struct arena arena;
    size_t used;
    arena_init(&arena);
    buffer_init(&head, 4 << 20);
    buffer_init(&header, 16 << 20);
    line_ends_feed(&ends, text_of(data, size), &head);
    line_ends_end(&ends, &head);
    if (folder_message_read(buffer_text(&head), &origin, &arena, &envelope, &header, &used) == OK) {
        check(used <= head.length);
        check_header(buffer_text(&header));
        check_envelope(&envelope, &arena);
    }
    buffer_finish(&header);
    buffer_finish(&head);
    arena_finish(&arena);
    return 0;
}
