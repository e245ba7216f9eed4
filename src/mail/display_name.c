#include "mail/display_name.h"

#include "mail/address_list.h"
#include "mail/words.h"

enum { FROM_COLUMN = 6 /* behind "From: " */ };

/* The one address of a field. */
static bool find_one(struct text value, struct arena *arena, struct mail_entry *out)
{
    struct mail_entry entry;
    unsigned count = 0;
    while (mail_entry_next(&value, arena, &entry)) {
        if (entry.kind != MAIL_ENTRY_ADDRESS || ++count > 1)
            return false;
        *out = entry;
    }
    return count == 1;
}

bool display_name_find(struct text section, struct arena *arena, struct display_name *out)
{
    struct header_field field;
    struct mail_entry entry;
    unsigned count = 0;
    while (header_next_valid(&section, &field)) {
        if (!text_equals_nocase(field.name, TEXT("From")))
            continue;
        out->field = field;
        count++;
    }
    if (count != 1 || !find_one(header_unfold(out->field.body, arena), arena, &entry))
        return false;
    out->name = mail_words_decode(entry.name, NULL, arena);
    struct mail_address written = {.local_part = entry.local_part, .domain = entry.domain};
    struct text address = mail_address_text(&written, arena);
    return mail_address_parse(address, arena, &out->address) == OK;
}

/* RFC 5322 3.2.4: as a quoted string on one line. */
static bool is_plain(struct text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] < ' ' || name.data[i] > '~')
            return false;
    return name.length <= 64;
}

static void write_quoted(struct text name, struct buffer *out)
{
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, name.data[i]);
    }
    buffer_append_byte(out, '"');
}

void display_name_write(struct text name, const struct mail_address *address, struct buffer *out)
{
    struct arena arena;
    arena_init(&arena);
    buffer_append(out, TEXT("From: "));
    if (is_plain(name))
        write_quoted(name, out);
    else
        mail_words_encode(name, FROM_COLUMN, out);
    buffer_printf(out, "\r\n <%.*s>\r\n", TEXT_ARG(mail_address_text(address, &arena)));
    arena_finish(&arena);
}
