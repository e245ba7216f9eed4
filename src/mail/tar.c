#include "mail/tar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { BLOCK = 512, PIECE = 256 << 10 };
enum { AT_MODE = 100, AT_SIZE = 124, AT_TIME = 136, AT_SUM = 148, AT_TYPE = 156, AT_MAGIC = 257 };
enum { AT_PREFIX = 345 };
enum { SUM_BYTES = 8, OCTAL_BYTES = 12, NAME_BYTES = 100, PREFIX_BYTES = 155 };

#define NOTE "MAILROOT."

struct text tar_note(const struct tar_entry *entry, struct text name)
{
    for (unsigned i = 0; i < entry->note_count; i++)
        if (text_equals(entry->notes[i].name, name))
            return entry->notes[i].value;
    return TEXT("");
}

/* Writing */

static unsigned sum_of(const char block[BLOCK])
{
    unsigned sum = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        bool is_sum = i >= AT_SUM && i < AT_SUM + SUM_BYTES;
        sum += is_sum ? ' ' : (unsigned char)block[i];
    }
    return sum;
}

/* Numbers that do not fit are 0 here; a pax record has them. */
static void put_octal(char *at, uint64_t number)
{
    enum { OCTAL_MOST = 11 };
    char digits[32];
    snprintf(digits, sizeof(digits), "%011" PRIo64, number >> (3 * OCTAL_MOST) == 0 ? number : 0);
    memcpy(at, digits, OCTAL_MOST);
}

static void put_block(struct buffer *out, struct text name, char type, uint64_t size,
                      int64_t date_ms)
{
    char block[BLOCK] = {0}, sum[SUM_BYTES];
    memcpy(block, name.data, name.length < NAME_BYTES ? name.length : NAME_BYTES - 1);
    memcpy(block + AT_MODE, type == '5' ? "0000700" : "0000600", 7);
    put_octal(block + AT_SIZE, size);
    put_octal(block + AT_TIME, date_ms > 0 ? (uint64_t)(date_ms / 1000) : 0);
    block[AT_TYPE] = type;
    memcpy(block + AT_MAGIC, "ustar\00000", 8);
    snprintf(sum, sizeof(sum), "%06o", sum_of(block));
    memcpy(block + AT_SUM, sum, 7);
    block[AT_SUM + 7] = ' ';
    buffer_append(out, text_of(block, BLOCK));
}

/* "LENGTH name=value\n", where LENGTH counts itself. */
static void put_record(struct buffer *out, const char *prefix, struct text name, struct text value)
{
    size_t rest = strlen(prefix) + name.length + value.length + 3; /* SP = LF */
    size_t length = rest + 1;
    for (size_t digits = 0; digits != (size_t)snprintf(NULL, 0, "%zu", length);) {
        digits = (size_t)snprintf(NULL, 0, "%zu", length);
        length = rest + digits;
    }
    buffer_printf(out, "%zu %s", length, prefix);
    buffer_append(out, name); /* of any bytes, as the length has it */
    buffer_append_byte(out, '=');
    buffer_append(out, value);
    buffer_append_byte(out, '\n');
}

static void put_records(struct buffer *out, const struct tar_entry *entry)
{
    char number[48];
    int64_t ms = entry->date_ms > 0 ? entry->date_ms : 0;
    put_record(out, "", TEXT("path"), entry->path);
    snprintf(number, sizeof(number), "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    put_record(out, "", TEXT("mtime"), text_from(number));
    snprintf(number, sizeof(number), "%" PRIu64, entry->size);
    put_record(out, "", TEXT("size"), text_from(number));
    for (unsigned i = 0; i < entry->note_count; i++)
        put_record(out, NOTE, entry->notes[i].name, entry->notes[i].value);
}

void tar_put_padding(struct buffer *out, uint64_t size)
{
    static const char zeros[BLOCK];
    buffer_append(out, text_of(zeros, (BLOCK - size % BLOCK) % BLOCK));
}

void tar_put_head(struct buffer *out, const struct tar_entry *entry)
{
    struct buffer records;
    buffer_init(&records, TAR_HEAD_MAX);
    put_records(&records, entry);
    put_block(out, TEXT("pax"), 'x', records.length, entry->date_ms);
    buffer_append(out, buffer_text(&records));
    tar_put_padding(out, records.length);
    buffer_finish(&records);
    put_block(out, entry->path, entry->is_directory ? '5' : '0', entry->size, entry->date_ms);
}

void tar_put_end(struct buffer *out)
{
    static const char zeros[2 * BLOCK];
    buffer_append(out, text_of(zeros, sizeof(zeros)));
}

/* Reading */

void tar_reader_init(struct tar_reader *reader, const struct byte_pipe *pipe)
{
    *reader = (struct tar_reader){.pipe = pipe};
    buffer_init(&reader->pending, TAR_HEAD_MAX + 4 * PIECE);
}

void tar_reader_finish(struct tar_reader *reader)
{
    buffer_finish(&reader->pending);
}

/* Have so many bytes pending. REFUSED: the archive ends before. */
static enum status need(struct tar_reader *reader, size_t bytes)
{
    enum status status = OK;
    while (status == OK && reader->pending.length < bytes && !reader->is_over) {
        size_t before = reader->pending.length;
        status = reader->pipe->take(reader->pipe->context, &reader->pending);
        reader->is_over = reader->pending.length == before;
    }
    if (status == OK && reader->pending.overflowed)
        return refused("the archive comes in pieces that are too large");
    if (status == OK && reader->pending.length < bytes)
        return refused("the archive ends too soon");
    return status;
}

enum status tar_read(struct tar_reader *reader, size_t most, struct buffer *out)
{
    if (reader->left == 0 || most == 0)
        return OK;
    enum status status = need(reader, 1);
    if (status != OK)
        return status;
    struct text some = text_head(buffer_text(&reader->pending), most);
    if (some.length > reader->left)
        some.length = (size_t)reader->left;
    buffer_append(out, some);
    buffer_consume(&reader->pending, some.length);
    reader->left -= some.length;
    return OK;
}

/* The rest of an entry, with its padding. */
static enum status pass_over(struct tar_reader *reader)
{
    enum status status = OK;
    reader->left += reader->padding;
    reader->padding = 0;
    while (status == OK && reader->left > 0) {
        status = need(reader, 1);
        size_t some = reader->pending.length;
        if (some > reader->left)
            some = (size_t)reader->left;
        buffer_consume(&reader->pending, some);
        reader->left -= some;
    }
    return status;
}

static bool get_octal(const char *at, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < OCTAL_BYTES && at[i] != '\0' && at[i] != ' '; i++) {
        if (at[i] < '0' || at[i] > '7')
            return false;
        *out = *out << 3 | (uint64_t)(at[i] - '0');
    }
    return true;
}

/* "1795000000.123" */
static bool read_time(struct text value, int64_t *ms)
{
    uint64_t seconds, fraction = 0;
    struct text digits = text_head(text_after(value, '.'), 3);
    if (!text_to_u64(text_before(value, '.'), &seconds) || seconds > INT64_MAX / 2000 ||
        (digits.length > 0 && !text_to_u64(digits, &fraction)))
        return false;
    for (size_t i = digits.length; i < 3; i++)
        fraction *= 10;
    *ms = (int64_t)(seconds * 1000 + fraction);
    return true;
}

struct records {
    struct tar_entry *entry;
    bool has_path, has_time, has_size;
};

static bool take_record(struct records *records, struct text name, struct text value)
{
    struct tar_entry *entry = records->entry;
    if (text_equals(name, TEXT("path"))) {
        entry->path = value;
        records->has_path = true;
    } else if (text_equals(name, TEXT("size"))) {
        records->has_size = true;
        return text_to_u64(value, &entry->size) && entry->size <= INT64_MAX;
    } else if (text_equals(name, TEXT("mtime"))) {
        records->has_time = read_time(value, &entry->date_ms);
    } else if (text_starts_with(name, TEXT(NOTE)) && entry->note_count < TAR_NOTES_MAX) {
        entry->notes[entry->note_count++] =
            (struct tar_note){text_from_position(name, strlen(NOTE)), value};
    }
    return true;
}

static bool take_records(struct records *records, struct text rest)
{
    while (rest.length > 0) {
        uint32_t length;
        struct text number = text_before(rest, ' ');
        if (!text_to_u32(number, &length) || length > rest.length || length < number.length + 3 ||
            rest.data[length - 1] != '\n')
            return false;
        struct text record = text_of(rest.data + number.length + 1, length - number.length - 2);
        size_t equals = text_find(record, '=');
        if (equals == record.length || !take_record(records, text_head(record, equals),
                                                    text_from_position(record, equals + 1)))
            return false;
        rest = text_from_position(rest, length);
    }
    return true;
}

/* What an entry of type 'x', or GNU's 'L', says of the one that follows: records, or its path. */
static enum status read_ahead(struct tar_reader *reader, struct arena *arena, char type,
                              struct records *records)
{
    struct buffer bytes;
    enum status status = reader->left <= TAR_HEAD_MAX ? OK : refused("an entry's head is too long");
    buffer_init(&bytes, TAR_HEAD_MAX);
    while (status == OK && reader->left > 0)
        status = tar_read(reader, TAR_HEAD_MAX, &bytes);
    struct text said = status == OK ? arena_copy(arena, buffer_text(&bytes)) : TEXT("");
    buffer_finish(&bytes);
    if (status == OK && type == 'L')
        take_record(records, TEXT("path"), text_before(said, '\0'));
    else if (status == OK && !take_records(records, said))
        status = refused("an entry's head is malformed");
    return status == OK ? pass_over(reader) : status;
}

/* POSIX's ustar has the first levels of a long path in a field of their own; in GNU's, whose magic
 * goes on with a blank, other things stand there. */
static struct text path_in(const char block[BLOCK], struct arena *arena)
{
    struct text name = text_of(block, strnlen(block, NAME_BYTES));
    struct text prefix = text_of(block + AT_PREFIX, strnlen(block + AT_PREFIX, PREFIX_BYTES));
    if (memcmp(block + AT_MAGIC, "ustar", 6) != 0 || text_is_empty(prefix))
        return arena_copy(arena, name);
    return arena_printf(arena, "%.*s/%.*s", TEXT_ARG(prefix), TEXT_ARG(name));
}

/* One block of a head. *type '\0': the end. */
static enum status read_block(struct tar_reader *reader, struct arena *arena,
                              struct records *records, char *type)
{
    struct tar_entry *entry = records->entry;
    uint64_t sum, size, seconds;
    enum status status = need(reader, BLOCK);
    if (status != OK)
        return status;
    char block[BLOCK];
    memcpy(block, reader->pending.data, BLOCK);
    buffer_consume(&reader->pending, BLOCK);
    *type = block[AT_TYPE];
    if (sum_of(block) == SUM_BYTES * ' ') {
        *type = '\0'; /* all of it is zero */
        return OK;
    }
    if (!get_octal(block + AT_SUM, &sum) || sum != sum_of(block) ||
        !get_octal(block + AT_SIZE, &size) || !get_octal(block + AT_TIME, &seconds))
        return refused("this is no tar archive");
    *type = *type == '\0' ? '0' : *type; /* as the oldest tars had it */
    bool is_ahead = *type == 'x' || *type == 'L';
    if (!is_ahead && records->has_size)
        size = entry->size;
    reader->left = size;
    reader->padding = (BLOCK - size % BLOCK) % BLOCK;
    if (is_ahead)
        return OK;
    entry->size = size;
    if (!records->has_time)
        entry->date_ms = (int64_t)(seconds * 1000);
    if (!records->has_path)
        entry->path = path_in(block, arena);
    return OK;
}

enum status tar_next(struct tar_reader *reader, struct arena *arena, struct tar_entry *out,
                     bool *end)
{
    struct records records = {.entry = out};
    char type = '\0';
    enum status status = pass_over(reader);
    *out = (struct tar_entry){0};
    for (*end = false; status == OK; status = status == OK ? pass_over(reader) : status) {
        status = read_block(reader, arena, &records, &type);
        *end = status == OK && type == '\0';
        out->is_directory = type == '5';
        if (status != OK || *end || type == '0' || type == '5')
            return status;
        if (type == 'x' || type == 'L') {
            status = read_ahead(reader, arena, type, &records);
            continue;
        }
        *out = (struct tar_entry){0}; /* a link, a device: none of ours */
        records = (struct records){.entry = out};
    }
    return status;
}
