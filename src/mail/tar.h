/* Archives of mail: POSIX pax (IEEE 1003.1), as every tar reads them; those that GNU tar and others
 * pack in the same or an older form are read as well. Beside what tar knows of a
 * file, an entry has notes: pax records of our own, "MAILROOT.name". Read and written as a stream;
 * reading is written for hostile bytes. */
#ifndef MAIL_TAR_H
#define MAIL_TAR_H

#include "base/arena.h"
#include "base/byte_pipe.h"

enum { TAR_NOTES_MAX = 8, TAR_HEAD_MAX = 128 << 10 };

struct tar_entry {
    struct text path; /* UTF-8; no level is "..", "." or empty when we wrote it */
    bool is_directory;
    uint64_t size; /* of the file that follows */
    int64_t date_ms;
    struct tar_note {
        struct text name, value; /* a value has no LF */
    } notes[TAR_NOTES_MAX];
    unsigned note_count;
};
/* "" when the entry has no such note. */
struct text tar_note(const struct tar_entry *entry, struct text name);

/* Append the head of an entry; its bytes follow, and then the padding. */
void tar_put_head(struct buffer *out, const struct tar_entry *entry);
void tar_put_padding(struct buffer *out, uint64_t size);
void tar_put_end(struct buffer *out);

struct tar_reader {
    const struct byte_pipe *pipe;
    struct buffer pending;
    uint64_t left;    /* of the entry's bytes */
    uint64_t padding; /* behind them */
    bool is_over;     /* the pipe has ended */
};
void tar_reader_init(struct tar_reader *reader, const struct byte_pipe *pipe);
void tar_reader_finish(struct tar_reader *reader);
/* The next file or directory; what was not read of the last one is passed over, and so are entries
 * of other kinds. *end: there is none. out: in arena. REFUSED: this is no such archive, or it ends
 * too soon. YIELDS as the pipe does. */
enum status tar_next(struct tar_reader *reader, struct arena *arena, struct tar_entry *out,
                     bool *end);
/* Append at most so many bytes of the entry; nothing when all were read. REFUSED: it ends too soon.
 * YIELDS as the pipe does. */
enum status tar_read(struct tar_reader *reader, size_t most, struct buffer *out);

#endif
