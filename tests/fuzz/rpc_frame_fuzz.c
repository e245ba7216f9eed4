/* RPC frames: what is parsed lies inside the input and is made only of frames; cutting the input
 * anywhere gives the same frames; the configuration a role is sent decodes or is refused. */
#include <stdint.h>

#include "base/check.h"
#include "proc/instance.h"
#include "proc/rpc_frame.h"

enum { HEADER_BYTES = 16 };

static unsigned frames_in(struct text bytes, size_t *consumed)
{
    struct text rest = bytes;
    struct rpc_frame frame;
    unsigned count = 0;
    while (rpc_frame_parse(&rest, &frame)) {
        check(frame.payload.length <= RPC_FRAME_MAX);
        check(frame.payload.data >= bytes.data);
        check(frame.payload.data + frame.payload.length == rest.data);
        count++;
    }
    *consumed = bytes.length - rest.length;
    check(*consumed >= count * HEADER_BYTES);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text whole = text_of(data, size);
    size_t consumed, first_consumed, rest_consumed;
    unsigned count = frames_in(whole, &consumed);
    struct text head = text_head(whole, size / 2);
    unsigned first = frames_in(head, &first_consumed);
    unsigned rest = frames_in(text_from_position(whole, first_consumed), &rest_consumed);
    check(first + rest == count && first_consumed + rest_consumed == consumed);

    struct role_configuration configuration;
    if (role_configuration_decode(whole, &configuration)) {
        struct buffer again;
        buffer_init(&again, size);
        role_configuration_encode(&configuration, &again);
        check(text_equals(buffer_text(&again), whole));
        buffer_finish(&again);
    }
    return 0;
}
