#include "folder/message.h"

#include "base/id.h"
#include "mail/address.h"
#include "mail/address_list.h"
#include "mail/date.h"
#include "mail/header.h"

enum { LINE_WANTED = 78 };

/* Fields that hold addresses, and what becomes of each. */
enum { IS_RECEIVERS = 1, IS_RESENT = 2, IS_DROPPED = 4, IS_SENDER = 8 };
static const struct address_field {
    const char *name;
    unsigned traits;
} address_fields[] = {
    {"From", IS_SENDER},
    {"Sender", IS_SENDER},
    {"Reply-To", 0},
    {"To", IS_RECEIVERS},
    {"Cc", IS_RECEIVERS},
    {"Bcc", IS_RECEIVERS | IS_DROPPED},
    {"Resent-From", IS_SENDER | IS_RESENT},
    {"Resent-Sender", IS_SENDER | IS_RESENT},
    {"Resent-To", IS_RECEIVERS | IS_RESENT},
    {"Resent-Cc", IS_RECEIVERS | IS_RESENT},
    {"Resent-Bcc", IS_RECEIVERS | IS_RESENT | IS_DROPPED},
};
enum { ADDRESS_FIELDS = sizeof(address_fields) / sizeof(address_fields[0]) };

static const struct address_field *address_field_find(struct text name)
{
    for (unsigned i = 0; i < ADDRESS_FIELDS; i++)
        if (text_equals_nocase(name, text_from(address_fields[i].name)))
            return &address_fields[i];
    return NULL;
}

struct text folder_header_section(struct text head, size_t *used)
{
    struct text rest = head;
    struct header_field field;
    /* What cuts messages out of mailbox files may leave the line between them. */
    if (text_starts_with(rest, TEXT("From ")) || text_starts_with(rest, TEXT(">From ")))
        rest = text_after(rest, '\n');
    struct text section = rest;
    while (header_next(&rest, &field))
        continue;
    section = text_head(section, section.length - rest.length);
    if (text_starts_with(rest, TEXT("\r\n")))
        rest = text_from_position(rest, 2);
    else if (text_starts_with(rest, TEXT("\n")))
        rest = text_from_position(rest, 1);
    *used = head.length - rest.length;
    return section;
}

static bool is_resent(struct text header)
{
    struct header_field field;
    while (header_next(&header, &field)) {
        const struct address_field *known = address_field_find(field.name);
        if (known != NULL && (known->traits & IS_RESENT) != 0 &&
            (known->traits & IS_RECEIVERS) != 0)
            return true;
    }
    return false;
}

/* An entry of a list as an address; REFUSED when it is none. */
static enum status entry_address(const struct mail_entry *entry, struct text domain,
                                 struct arena *arena, struct text *out)
{
    struct mail_address address = {.local_part = entry->local_part,
                                   .domain = entry->domain.length > 0 ? entry->domain : domain};
    struct text text = mail_address_text(&address, arena), checked;
    if (address.domain.length > 0)
        return folder_address(text, domain, arena, out);
    *out = text;
    return folder_address(text, TEXT("localhost"), arena, &checked);
}

static enum status add_receivers(struct text body, struct text domain, struct arena *arena,
                                 struct folder_envelope *envelope)
{
    struct text list = header_unfold(body, arena);
    struct mail_entry entry;
    enum status status = OK;
    while (status == OK && mail_entry_next(&list, arena, &entry)) {
        struct folder_receiver receiver = {0};
        if (entry.kind != MAIL_ENTRY_ADDRESS)
            continue;
        status = entry_address(&entry, domain, arena, &receiver.address);
        bool is_known = false;
        for (unsigned i = 0; i < envelope->receiver_count && !is_known; i++)
            is_known = text_equals(envelope->receivers[i].address, receiver.address);
        if (status == OK && !is_known)
            status = folder_envelope_add(envelope, arena, &receiver);
    }
    return status;
}

enum status folder_header_receivers(struct text header, struct text domain, struct arena *arena,
                                    struct folder_envelope *envelope)
{
    unsigned wanted = IS_RECEIVERS | (is_resent(header) ? IS_RESENT : 0);
    struct header_field field;
    enum status status = OK;
    while (status == OK && header_next(&header, &field)) {
        const struct address_field *known = address_field_find(field.name);
        if (known != NULL && (known->traits & (IS_RECEIVERS | IS_RESENT)) == wanted)
            status = add_receivers(field.body, domain, arena, envelope);
    }
    return status;
}

/* ---- the sender ---- */

static bool first_address(struct text header, const char *name, struct text domain,
                          struct arena *arena, struct text *out)
{
    struct header_field field;
    struct mail_entry entry;
    if (!header_find(header, text_from(name), &field))
        return false;
    struct text list = header_unfold(field.body, arena);
    while (mail_entry_next(&list, arena, &entry))
        if (entry.kind == MAIL_ENTRY_ADDRESS)
            return entry_address(&entry, domain, arena, out) == OK;
    return false;
}

/* RFC 5322 3.6.2, 3.6.6: who sent it rather than who wrote it, and latest. */
static enum status find_sender(struct text header, const struct folder_origin *origin,
                               struct arena *arena, struct text *out)
{
    static const char *const names[] = {"Resent-Sender", "Resent-From", "Sender", "From"};
    for (unsigned i = is_resent(header) ? 0 : 2; i < sizeof(names) / sizeof(names[0]); i++)
        if (first_address(header, names[i], origin->domain, arena, out))
            return OK;
    return folder_address(origin->sender, origin->domain, arena, out);
}

static enum status make_canonical(struct folder_envelope *envelope,
                                  const struct folder_origin *origin, struct text header,
                                  struct arena *arena)
{
    enum status status = OK;
    if (!envelope->has_sender)
        status = find_sender(header, origin, arena, &envelope->sender);
    else if (envelope->sender.length > 0)
        status = folder_address(envelope->sender, origin->domain, arena, &envelope->sender);
    envelope->has_sender = true;
    if (status == OK && envelope->receiver_count == 0)
        status = folder_header_receivers(header, origin->domain, arena, envelope);
    for (unsigned i = 0; i < envelope->receiver_count && status == OK; i++) {
        struct folder_receiver *receiver = &envelope->receivers[i];
        status = folder_address(receiver->address, origin->domain, arena, &receiver->address);
    }
    if (status == OK && envelope->receiver_count == 0)
        return refused("it names no recipient");
    return status;
}

/* ---- the header as it goes out ---- */

static bool lacks_domain(struct text body, struct arena *arena)
{
    struct text list = header_unfold(body, arena);
    struct mail_entry entry;
    while (mail_entry_next(&list, arena, &entry))
        if (entry.kind == MAIL_ENTRY_ADDRESS && entry.domain.length == 0 &&
            entry.local_part.length > 0)
            return true;
    return false;
}

/* RFC 5322 3.2.5: words and spaces stand as they are, encoded words have to; the rest in quotes. */
static void write_name(struct text name, struct buffer *out)
{
    static const struct text plain = {"!#$%&'*+-/=?^_`{|}~ ", 20};
    bool is_plain = true;
    for (size_t i = 0; i < name.length && is_plain; i++) {
        unsigned char c = (unsigned char)name.data[i];
        is_plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 128 ||
                   text_find(plain, (char)c) < plain.length;
    }
    if (is_plain) {
        buffer_append(out, name);
        return;
    }
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, name.data[i]);
    }
    buffer_append_byte(out, '"');
}

static void write_entry(const struct mail_entry *entry, struct text domain, struct arena *arena,
                        struct buffer *out)
{
    struct mail_address address = {.local_part = entry->local_part,
                                   .domain = entry->domain.length > 0 ? entry->domain : domain};
    bool is_named = entry->name.length > 0;
    write_name(entry->name, out);
    buffer_printf(out, "%s<%.*s>", is_named ? " " : "",
                  TEXT_ARG(mail_address_text(&address, arena)));
}

/* The list anew, one line for what fits: with a domain for every address. */
static void write_list(struct text name, struct text body, struct text domain, struct arena *arena,
                       struct buffer *out)
{
    struct text list = header_unfold(body, arena);
    struct mail_entry entry;
    size_t line = out->length;
    bool is_first = true;
    buffer_printf(out, "%.*s:", TEXT_ARG(name));
    while (mail_entry_next(&list, arena, &entry)) {
        bool ends_group = entry.kind == MAIL_ENTRY_GROUP_END;
        bool follows = !is_first && !ends_group;
        if (follows)
            buffer_append_byte(out, ',');
        if (follows && out->length - line > LINE_WANTED) {
            buffer_append(out, TEXT("\r\n"));
            line = out->length;
        }
        if (!ends_group)
            buffer_append_byte(out, ' ');
        is_first = entry.kind == MAIL_ENTRY_GROUP;
        if (entry.kind == MAIL_ENTRY_ADDRESS) {
            write_entry(&entry, domain, arena, out);
        } else if (is_first) {
            write_name(entry.name, out);
            buffer_append_byte(out, ':');
        } else {
            buffer_append_byte(out, ';');
        }
    }
    buffer_append(out, TEXT("\r\n"));
}

static void write_fields(struct text section, const struct folder_origin *origin,
                         struct arena *arena, struct buffer *out)
{
    struct header_field field;
    while (header_next(&section, &field)) {
        const struct address_field *known = address_field_find(field.name);
        /* RFC 5321 4.4: the line of the return path is the last server's to add. */
        bool is_dropped = text_equals_nocase(field.name, TEXT("Return-Path")) ||
                          (known != NULL && (known->traits & IS_DROPPED) != 0);
        if (is_dropped)
            continue;
        if (known != NULL && lacks_domain(field.body, arena))
            write_list(field.name, field.body, origin->domain, arena, out);
        else
            buffer_append(out, field.whole);
    }
}

static bool has_field(struct text section, const char *name)
{
    struct header_field field;
    return header_find(section, text_from(name), &field);
}

static void write_stamp(const struct folder_origin *origin, struct buffer *out)
{
    char id[ID_TEXT_BYTES], date[MAIL_DATE_BYTES];
    buffer_printf(out, "Received: by %.*s (mailroot, from uid %u) id %s;\r\n\t%s\r\n",
                  TEXT_ARG(origin->host), origin->uid, id_format(origin->id, id),
                  mail_date(origin->now_ms, date));
}

static void complete(struct text section, const struct folder_origin *origin, struct text from,
                     struct buffer *out)
{
    char id[ID_TEXT_BYTES], date[MAIL_DATE_BYTES];
    if (!has_field(section, "From"))
        buffer_printf(out, "From: <%.*s>\r\n", TEXT_ARG(from));
    if (!has_field(section, "Date"))
        buffer_printf(out, "Date: %s\r\n", mail_date(origin->now_ms, date));
    if (!has_field(section, "Message-ID"))
        buffer_printf(out, "Message-ID: <%s@%.*s>\r\n", id_format(origin->id, id),
                      TEXT_ARG(origin->host));
}

enum status folder_message_read(struct text head, const struct folder_origin *origin,
                                struct arena *arena, struct folder_envelope *envelope,
                                struct buffer *header, size_t *used)
{
    struct text rest = head, from;
    enum status status = folder_envelope_read(&rest, arena, envelope);
    if (status != OK)
        return status;
    size_t in_rest;
    struct text section = folder_header_section(rest, &in_rest);
    *used = head.length - rest.length + in_rest;
    if (section.length > FOLDER_HEADER_MAX)
        return refused("its header is larger than %d bytes", FOLDER_HEADER_MAX);
    status = make_canonical(envelope, origin, section, arena);
    /* A report has no sender to be from. */
    from = envelope->sender;
    if (status == OK && from.length == 0)
        status = folder_address(origin->sender, origin->domain, arena, &from);
    if (status != OK)
        return status;
    write_stamp(origin, header);
    write_fields(section, origin, arena, header);
    complete(section, origin, from, header);
    buffer_append(header, TEXT("\r\n"));
    return header->overflowed ? refused("its header is too large") : OK;
}
