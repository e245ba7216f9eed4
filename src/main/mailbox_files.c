#include "main/mailbox_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "admin/words.h"
#include "base/check.h"
#include "main/maildir.h"
#include "main/mbox_files.h"

enum { PIECE = 128 << 10, LEVEL = 3 };

/* tar.zst */

struct packed {
    int fd;
    ZSTD_CStream *packing;
    ZSTD_DStream *unpacking;
    char in[PIECE], out[PIECE];
    ZSTD_inBuffer input; /* of unpacking */
    bool is_whole;       /* what was unpacked so far ends where a frame does */
};

static enum status write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0)
            return try_later("cannot write the file: %m");
        bytes += written;
        length -= (size_t)written;
    }
    return OK;
}

static enum status pack(struct packed *packed, struct text bytes, ZSTD_EndDirective end)
{
    ZSTD_inBuffer input = {bytes.data, bytes.length, 0};
    size_t left;
    do {
        ZSTD_outBuffer output = {packed->out, PIECE, 0};
        left = ZSTD_compressStream2(packed->packing, &output, &input, end);
        if (ZSTD_isError(left))
            return try_later("cannot compress: %s", ZSTD_getErrorName(left));
        enum status status = write_all(packed->fd, packed->out, output.pos);
        if (status != OK)
            return status;
    } while (input.pos < input.size || (end == ZSTD_e_end && left > 0));
    return OK;
}

/* YIELDS. */
static enum status write_packed(void *context, const struct byte_pipe *verb)
{
    struct packed *packed = context;
    struct buffer piece;
    enum status status = OK;
    buffer_init(&piece, 1 << 20);
    do {
        buffer_reset(&piece, 1 << 20);
        status = verb->take(verb->context, &piece);
        if (status == OK && piece.length > 0)
            status = pack(packed, buffer_text(&piece), ZSTD_e_continue);
    } while (status == OK && piece.length > 0);
    buffer_finish(&piece);
    if (status == OK)
        status = pack(packed, TEXT(""), ZSTD_e_end);
    return status == OK && fsync(packed->fd) != 0 ? try_later("cannot write the file: %m") : status;
}

/* The next bytes of the archive; *length 0: the end. */
static enum status unpack(struct packed *packed, size_t *length)
{
    ZSTD_outBuffer output = {packed->out, PIECE, 0};
    while (output.pos == 0) {
        if (packed->input.pos == packed->input.size) {
            ssize_t got = read(packed->fd, packed->in, PIECE);
            if (got < 0)
                return try_later("cannot read the file: %m");
            if (got == 0 && !packed->is_whole)
                return refused("the file ends too soon");
            if (got == 0)
                break;
            packed->input = (ZSTD_inBuffer){packed->in, (size_t)got, 0};
        }
        size_t hint = ZSTD_decompressStream(packed->unpacking, &output, &packed->input);
        if (ZSTD_isError(hint))
            return refused("this is no tar.zst file: %s", ZSTD_getErrorName(hint));
        packed->is_whole = hint == 0;
    }
    *length = output.pos;
    return OK;
}

/* YIELDS. */
static enum status read_packed(void *context, const struct byte_pipe *verb)
{
    struct packed *packed = context;
    size_t length = 1;
    enum status status = OK;
    while (status == OK && length > 0) {
        status = unpack(packed, &length);
        if (status == OK && length > 0)
            status = verb->give(verb->context, text_of(packed->out, length));
    }
    return status;
}

/* Either way */

static const char *const format_names[] = {"tar.zst", "maildir", "mbox"};

struct call {
    struct text words[ADMIN_WORDS_MAX]; /* for the verb */
    unsigned count;
    char path[1024];
    bool is_export;
    enum { FORMAT_PACKED, FORMAT_MAILDIR, FORMAT_MBOX } format;
};

bool mailbox_files_is_verb(const struct text *words, unsigned count)
{
    return admin_words_match("mailbox export", words, count) > 0 ||
           admin_words_match("mailbox import", words, count) > 0;
}

/* What there is says which it is. */
static unsigned find_format(const char *path)
{
    char below[1100];
    struct stat facts;
    bool is_directory = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
    snprintf(below, sizeof(below), "%s/cur", path);
    if (is_directory)
        return access(below, F_OK) == 0 ? FORMAT_MAILDIR : FORMAT_MBOX;
    return mbox_files_is_one(path) ? FORMAT_MBOX : FORMAT_PACKED;
}

static enum status read_format(struct text word, struct call *call)
{
    for (unsigned i = FORMAT_PACKED; i <= FORMAT_MBOX; i++)
        if (text_equals(word, text_from(format_names[i]))) {
            call->format = i;
            return OK;
        }
    return refused("formats are tar.zst, maildir and mbox");
}

static enum status read_words(const struct text *words, unsigned count, struct call *call)
{
    struct admin_call rest = {0};
    struct text format;
    for (unsigned i = 2; i < count; i++)
        rest.words[rest.count++] = words[i];
    enum status status = verb_take_option(&rest, TEXT("--format"), &format);
    if (status == OK)
        status = verb_check_words(&rest, 2, 2,
                                  "mailbox export|import ADDRESS [--format "
                                  "tar.zst|maildir|mbox] FILE");
    if (status != OK)
        return status;
    call->is_export = text_equals(words[1], TEXT("export"));
    call->words[0] = words[0];
    call->words[1] = words[1];
    call->words[2] = rest.words[0];
    call->count = 3;
    if (!text_copy(rest.words[1], call->path, sizeof(call->path)))
        return refused("the file's name is too long");
    if (!text_is_empty(format))
        return read_format(format, call);
    call->format = call->is_export ? FORMAT_PACKED : find_format(call->path);
    return OK;
}

static enum status run_packed(struct stream *stream, const struct call *call, struct buffer *out)
{
    struct packed *packed = calloc(1, sizeof(*packed));
    check(packed != NULL);
    struct admin_question question = {.words = call->words,
                                      .count = call->count,
                                      .transfer = call->is_export ? write_packed : read_packed,
                                      .context = packed};
    packed->is_whole = true;
    packed->packing = ZSTD_createCStream();
    packed->unpacking = ZSTD_createDStream();
    check(packed->packing != NULL && packed->unpacking != NULL);
    ZSTD_CCtx_setParameter(packed->packing, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(packed->packing, ZSTD_c_checksumFlag, 1);
    /* What is there already stays. */
    packed->fd = call->is_export ? open(call->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                                 : open(call->path, O_RDONLY | O_CLOEXEC);
    enum status status = packed->fd < 0 ? refused("cannot open %s: %m", call->path)
                                        : admin_ask_on(stream, &question, out);
    if (packed->fd >= 0)
        close(packed->fd);
    if (packed->fd >= 0 && call->is_export && status != OK)
        unlink(call->path); /* what was made just now would pass for an archive */
    ZSTD_freeCStream(packed->packing);
    ZSTD_freeDStream(packed->unpacking);
    free(packed);
    return status;
}

static enum status run_files(struct stream *stream, struct call *call, struct buffer *out)
{
    static const struct {
        enum status (*write)(void *context, const struct byte_pipe *verb);
        enum status (*read)(void *context, const struct byte_pipe *verb);
    } formats[] = {
        [FORMAT_MAILDIR] = {maildir_write, maildir_read},
        [FORMAT_MBOX] = {mbox_files_write, mbox_files_read},
    };
    struct admin_question question = {.words = call->words,
                                      .count = call->count,
                                      .transfer = call->is_export ? formats[call->format].write
                                                                  : formats[call->format].read,
                                      .context = call->path};
    bool was_there = access(call->path, F_OK) == 0;
    enum status status = admin_ask_on(stream, &question, out);
    if (status != OK && call->is_export && !was_there)
        rmdir(call->path); /* unless there is mail in it already */
    return status;
}

enum status mailbox_files_run(struct stream *stream, const struct text *words, unsigned count,
                              struct buffer *out)
{
    struct call *call = calloc(1, sizeof(*call));
    check(call != NULL);
    enum status status = read_words(words, count, call);
    if (status == OK)
        status = call->format == FORMAT_PACKED ? run_packed(stream, call, out)
                                               : run_files(stream, call, out);
    free(call);
    return status;
}
