#include "main/mailbox_archive.h"

enum status mailbox_archive_read(struct tar_reader *reader,
                                 const struct mailbox_archive_visitor *visitor)
{
    struct arena arena;
    struct tar_entry entry;
    bool end = false;
    enum status status = OK;
    arena_init(&arena);
    while (status == OK && !end) {
        arena_reset(&arena);
        status = tar_next(reader, &arena, &entry, &end);
        if (status != OK || end || !text_is_empty(tar_note(&entry, TEXT("kind"))))
            continue;
        if (entry.is_directory)
            status = visitor->mailbox(visitor->context, tar_note(&entry, TEXT("mailbox")));
        else
            status = visitor->message(visitor->context, reader, &entry);
    }
    arena_finish(&arena);
    return status;
}
