/* The packets of X-LINK2STATE. Oracle: what parses is written back as it was, but for the case of
 * lengths; what is answered parses again, fits a reply line, and is no question. */
#include <stdlib.h>

#include "base/check.h"
#include "routing/packet.h"

static void check_answer(const struct link_state_packet *asked)
{
    enum { REPLY_MAX = 512 };
    struct link_state_packet answer, again;
    struct buffer text;
    if (link_state_answer(asked, &answer) != OK)
        return;
    buffer_init(&text, REPLY_MAX);
    link_state_write(&answer, &text);
    check(!text.overflowed && link_state_parse(buffer_text(&text), &again) == OK);
    check(again.part_count == asked->part_count);
    check(link_state_answer(&again, &answer) == REFUSED);
    buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text bytes = text_of(data, size);
    struct link_state_packet packet;
    struct buffer again;
    if (link_state_parse(bytes, &packet) != OK)
        return 0;
    check(packet.part_count > 0 && packet.part_count <= LINK_STATE_PARTS_MAX);
    buffer_init(&again, size + 64);
    link_state_write(&packet, &again);
    check(again.length <= size && size - again.length <= packet.part_count);
    check(again.length < size || text_equals_nocase(buffer_text(&again), bytes));
    buffer_finish(&again);
    check_answer(&packet);
    return 0;
}
