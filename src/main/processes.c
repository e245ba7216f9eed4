#include "main/processes.h"

#include <inttypes.h>

enum { MB_SHIFT = 20 };

void processes_head(bool json, struct buffer *out)
{
    if (!json)
        buffer_printf(out, "%-7s %-7s %-8s %-9s %s\n", "role", "number", "pid", "state", "memory");
}

static uint64_t refused_in_all(const struct memory_now *memory)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < MEMORY_ASKS; i++)
        sum += memory->refused[i];
    return sum;
}

static void put_json(const struct process_shown *process, struct buffer *out)
{
    const struct memory_now *memory = &process->memory;
    buffer_printf(out, "{\"role\":\"%s\",\"number\":%u,\"pid\":%d,\"state\":\"%s\"", process->role,
                  process->number, (int)process->pid, process->state);
    buffer_printf(out, ",\"memory_limit\":%zu,\"memory_held\":%zu,\"memory_drawn\":%zu",
                  memory->limit, memory->held, memory->drawn);
    for (unsigned i = 0; i < MEMORY_ASKS; i++)
        buffer_printf(out, ",\"memory_refused_%s\":%" PRIu64, memory_for_name(i),
                      memory->refused[i]);
    buffer_append(out, TEXT("}\n"));
}

void processes_line(const struct process_shown *process, bool json, struct buffer *out)
{
    const struct memory_now *memory = &process->memory;
    if (json) {
        put_json(process, out);
        return;
    }
    buffer_printf(out, "%-7s %-7u %-8d %-9s", process->role, process->number, (int)process->pid,
                  process->state);
    if (memory->held > 0)
        buffer_printf(out, " %zu of %zu MB", memory->held >> MB_SHIFT, memory->limit >> MB_SHIFT);
    if (refused_in_all(memory) > 0)
        buffer_printf(out, ", %" PRIu64 " put off for want of it", refused_in_all(memory));
    buffer_append(out, TEXT("\n"));
}
