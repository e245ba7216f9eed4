#include "proto/imap/imap_flags.h"

#include "base/check.h"

static const struct {
    const char *name;
    uint32_t flag;
} system_flags[] = {
    {"\\Answered", FLAG_ANSWERED}, {"\\Flagged", FLAG_FLAGGED}, {"\\Deleted", FLAG_DELETED},
    {"\\Seen", FLAG_SEEN},         {"\\Draft", FLAG_DRAFT},
};
enum { SYSTEM_FLAGS = sizeof(system_flags) / sizeof(*system_flags) };

void imap_put_flags(struct buffer *out, const struct mailbox *box,
                    const struct mailbox_entry *entry)
{
    unused(box);
    const char *separator = "";
    buffer_append_byte(out, '(');
    for (unsigned i = 0; i < SYSTEM_FLAGS; i++) {
        if ((entry->flags & system_flags[i].flag) == 0)
            continue;
        buffer_printf(out, "%s%s", separator, system_flags[i].name);
        separator = " ";
    }
    buffer_append_byte(out, ')');
}
