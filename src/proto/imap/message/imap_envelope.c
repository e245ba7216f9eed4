#include "proto/imap/message/imap_envelope.h"

#include "mail/address_list.h"
#include "mail/header.h"
#include "proto/imap/imap_write.h"

enum field {
    FIELD_DATE,
    FIELD_SUBJECT,
    FIELD_FROM,
    FIELD_SENDER,
    FIELD_REPLY_TO,
    FIELD_TO,
    FIELD_CC,
    FIELD_BCC,
    FIELD_IN_REPLY_TO,
    FIELD_MESSAGE_ID,
    FIELDS,
};
static const char *const names[FIELDS] = {"Date", "Subject", "From", "Sender",      "Reply-To",
                                          "To",   "Cc",      "Bcc",  "In-Reply-To", "Message-ID"};

struct envelope {
    struct arena arena;
    struct text fields[FIELDS]; /* unfolded; data NULL: there is none */
};

/* Of fields that stand there twice, the first counts. */
static void read_fields(struct envelope *envelope, struct text header)
{
    struct header_field field;
    while (header_next_valid(&header, &field))
        for (unsigned i = 0; i < FIELDS; i++)
            if (envelope->fields[i].data == NULL &&
                text_equals_nocase(field.name, text_from(names[i])))
                envelope->fields[i] = header_unfold(field.body, &envelope->arena);
}

static void put_absent_or(struct buffer *out, struct text text)
{
    imap_put_nstring(out, text.length == 0 ? (struct text){NULL, 0} : text);
}

/* RFC 9051 7.5.2: a group begins with its name where the mailbox stands and no host, and ends with
 * neither. */
static void put_entry(struct buffer *out, const struct mail_entry *entry)
{
    buffer_append_byte(out, '(');
    if (entry->kind == MAIL_ENTRY_ADDRESS) {
        put_absent_or(out, entry->name);
        buffer_append_byte(out, ' ');
        put_absent_or(out, entry->route);
        buffer_append_byte(out, ' ');
        imap_put_string(out, entry->local_part);
        buffer_append_byte(out, ' ');
        imap_put_string(out, entry->domain);
    } else {
        buffer_append(out, TEXT("NIL NIL "));
        put_absent_or(out, entry->kind == MAIL_ENTRY_GROUP ? entry->name : TEXT(""));
        buffer_append(out, TEXT(" NIL"));
    }
    buffer_append_byte(out, ')');
}

/* False: there was no address, and nothing was written. */
static bool put_addresses(struct buffer *out, struct text field, struct arena *arena)
{
    struct mail_entry entry;
    bool any = false;
    while (mail_entry_next(&field, arena, &entry)) {
        if (!any)
            buffer_append_byte(out, '(');
        any = true;
        put_entry(out, &entry);
    }
    if (any)
        buffer_append_byte(out, ')');
    return any;
}

static void put_list(struct buffer *out, struct envelope *envelope, enum field field)
{
    bool is_of_from = field == FIELD_SENDER || field == FIELD_REPLY_TO;
    buffer_append_byte(out, ' ');
    if (put_addresses(out, envelope->fields[field], &envelope->arena))
        return;
    if (!is_of_from || !put_addresses(out, envelope->fields[FIELD_FROM], &envelope->arena))
        buffer_append(out, TEXT("NIL"));
}

void imap_put_envelope(struct buffer *out, struct text header)
{
    struct envelope envelope = {0};
    arena_init(&envelope.arena);
    read_fields(&envelope, header);
    buffer_append_byte(out, '(');
    imap_put_nstring(out, envelope.fields[FIELD_DATE]);
    buffer_append_byte(out, ' ');
    imap_put_nstring(out, envelope.fields[FIELD_SUBJECT]);
    for (enum field field = FIELD_FROM; field <= FIELD_BCC; field++)
        put_list(out, &envelope, field);
    buffer_append_byte(out, ' ');
    imap_put_nstring(out, envelope.fields[FIELD_IN_REPLY_TO]);
    buffer_append_byte(out, ' ');
    imap_put_nstring(out, envelope.fields[FIELD_MESSAGE_ID]);
    buffer_append_byte(out, ')');
    arena_finish(&envelope.arena);
}
