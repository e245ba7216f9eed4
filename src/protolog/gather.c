#include "protolog/gather.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

enum {
    PAUSE_MS = 200,          /* that rows may wait for others */
    SEND_AT = 32 << 10,      /* bytes that wait no longer */
    GATHERED_MAX = 1 << 20,  /* bytes */
    PENDING_MAX = 256 << 10, /* bytes on the way that the store has not taken */
    COUNT_BYTES = 8,
    TURNS_AT_END = 100,
};

struct protolog_gather {
    struct rpc_channel *store;
    struct buffer rows;
    uint32_t count, dropped;
    struct task_group task;
    bool is_sending; /* the task is there */
    bool ending;
};

struct protolog_gather *protolog_gather_new(struct rpc_channel *store)
{
    struct protolog_gather *gather = calloc(1, sizeof(*gather));
    check(gather != NULL);
    gather->store = store;
    buffer_init(&gather->rows, GATHERED_MAX);
    task_group_init(&gather->task);
    return gather;
}

/* False: the store takes nothing now. */
static bool send_rows(struct protolog_gather *gather)
{
    struct buffer message;
    if (!rpc_channel_is_up(gather->store) || rpc_pending_bytes(gather->store) > PENDING_MAX)
        return false;
    buffer_init(&message, COUNT_BYTES + GATHERED_MAX);
    wire_put_u32(&message, gather->dropped);
    wire_put_u32(&message, gather->count);
    buffer_append(&message, buffer_text(&gather->rows));
    bool is_sent = rpc_tell(gather->store, PROTOLOG_ROWS, buffer_text(&message)) == OK;
    buffer_finish(&message);
    if (!is_sent)
        return false;
    gather->count = gather->dropped = 0;
    buffer_reset(&gather->rows, 2 * SEND_AT);
    return true;
}

/* As long as there are rows. */
static void send_task(void *argument)
{
    struct protolog_gather *gather = argument;
    do {
        task_sleep(PAUSE_MS);
        send_rows(gather);
    } while (gather->rows.length + gather->dropped > 0 && !gather->ending);
    gather->is_sending = false;
}

void protolog_gather_free(struct protolog_gather **gather)
{
    struct protolog_gather *freed = *gather;
    if (freed == NULL)
        return;
    *gather = NULL;
    freed->ending = true;
    task_group_finish(&freed->task);
    if (freed->rows.length > 0)
        send_rows(freed);
    for (int turn = 0; turn < TURNS_AT_END && rpc_pending_bytes(freed->store) > 0; turn++)
        task_yield();
    buffer_finish(&freed->rows);
    free(freed);
}

void protolog_gather_put(struct protolog_gather *gather, const struct protolog_row *row)
{
    struct buffer *rows = &gather->rows;
    if (gather->ending || rows->length > GATHERED_MAX - PROTOLOG_ROW_MAX) {
        gather->dropped++;
    } else {
        protolog_row_encode(row, rows);
        gather->count++;
    }
    if (rows->length >= SEND_AT && !gather->ending)
        send_rows(gather);
    if (!gather->is_sending && !gather->ending) {
        gather->is_sending = true;
        task_spawn(&gather->task, "protocol log", send_task, gather);
    }
}
