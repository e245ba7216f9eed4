#include "proto/imap/search/imap_facts.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/check.h"
#include "base/wire.h"
#include "mail/address_list.h"
#include "mail/collate.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/subject.h"
#include "mail/words.h"
#include "store/derived.h"

enum { FACTS_VERSION = 2, FACTS_MAX = 16 << 10, FOLDED_GROWTH = 18, DIGEST_BYTES = 32 };

/* Texts */

static bool find_unfolded(struct text header, const char *name, struct arena *arena,
                          struct text *out)
{
    struct header_field field;
    if (!header_find(header, text_from(name), &field))
        return false;
    *out = header_unfold(field.body, arena);
    return true;
}

/* What lies behind the cut is not worth its memory. NUL would end a key (imap_sort.c). */
static struct text collated(struct text text, struct arena *arena)
{
    struct buffer key;
    text = text_head(text, FACT_BYTES_MAX);
    buffer_init(&key, FOLDED_GROWTH * FACT_BYTES_MAX);
    mail_collate(text, &key);
    size_t length = 0;
    for (size_t i = 0; i < key.length; i++)
        if (key.data[i] != '\0')
            key.data[length++] = key.data[i];
    buffer_cut(&key, length);
    struct text copy = arena_copy(arena, text_head(buffer_text(&key), FACT_BYTES_MAX));
    buffer_finish(&key);
    return copy;
}

/* RFC 5957 3: a group shows its name, an address its name or itself. */
static struct text display_of(const struct mail_entry *entry, struct charset_guess *guess,
                              struct arena *arena)
{
    struct text name = text_trim(mail_words_decode(entry->name, guess, arena));
    if (name.length > 0 || entry->kind != MAIL_ENTRY_ADDRESS)
        return name;
    return arena_printf(arena, "%.*s@%.*s", TEXT_ARG(entry->local_part), TEXT_ARG(entry->domain));
}

struct taking {
    struct text header;
    struct charset_guess *guess;
    struct arena *arena;
    struct imap_facts *out;
};

/* display: where the fact for showing goes; FACTS: nowhere. */
static void take_address(const struct taking *taking, const char *name, enum imap_fact fact,
                         enum imap_fact display)
{
    struct arena *arena = taking->arena;
    struct imap_facts *out = taking->out;
    struct text value;
    struct mail_entry entry;
    if (!find_unfolded(taking->header, name, arena, &value) ||
        !mail_entry_next(&value, arena, &entry))
        return;
    /* As in the envelope, a group's name stands where the mailbox does. */
    struct text mailbox = entry.kind == MAIL_ENTRY_ADDRESS ? entry.local_part : entry.name;
    out->texts[fact] = collated(mailbox, arena);
    if (display != FACTS)
        out->texts[display] = collated(display_of(&entry, taking->guess, arena), arena);
}

/* RFC 5256 2.2: with a time that is none, the day counts. */
static bool find_sent(struct text header, struct arena *arena, int64_t *ms)
{
    struct text value;
    if (!find_unfolded(header, "Date", arena, &value))
        return false;
    if (mail_date_parse(value, ms))
        return true;
    size_t end = text_find_last(text_head(value, text_find(value, ':')), ' ');
    return mail_date_parse(
        arena_printf(arena, "%.*s 00:00:00 +0000", TEXT_ARG(text_head(value, end))), ms);
}

/* Message ids */

/* Take "<left@right>" off *rest, in the form in which it is compared: a quoted left side that need
 * not be quoted is the same without (RFC 5256, 3: "normalized"). */
static bool take_id(struct text *rest, struct buffer *out)
{
    size_t start = text_find(*rest, '<');
    bool is_quoted = false, is_id = false;
    buffer_reset(out, out->capacity);
    *rest = text_from_position(*rest, start + 1);
    for (size_t i = 0; i < rest->length; i++) {
        char c = rest->data[i];
        if (c == '"') {
            is_quoted = !is_quoted;
        } else if (c == '\\' && is_quoted && i + 1 < rest->length) {
            buffer_append_byte(out, rest->data[++i]);
        } else if (!is_quoted && c == '>') {
            *rest = text_from_position(*rest, i + 1);
            return is_id && out->data[out->length - 1] != '@' && !out->overflowed;
        } else if (!is_quoted && (c == '<' || c == ' ' || c == '\t')) {
            *rest = text_from_position(*rest, i);
            return false;
        } else {
            is_id = is_id || (!is_quoted && c == '@' && out->length > 0);
            buffer_append_byte(out, c);
        }
    }
    *rest = TEXT("");
    return false;
}

/* Of a collision-resistant hash: nobody makes a message pass for the answer to another. */
static void put_hash(struct text id, struct buffer *out)
{
    unsigned char digest[DIGEST_BYTES];
    unsigned length = 0;
    check(EVP_Digest(id.data, id.length, digest, &length, EVP_sha256(), NULL) == 1);
    buffer_append(out, text_of(digest, FACT_ID_BYTES));
}

/* The valid ids of a field's value, at most `most`; of more the newest stay, and the first. */
static struct text ids_of(struct text value, unsigned most, struct arena *arena)
{
    struct buffer id, all;
    buffer_init(&id, IMAP_HEADER_MAX);
    buffer_init(&all, (FACT_REFERENCES_MAX + 1) * FACT_ID_BYTES);
    for (bool is_full = false; value.length > 0 && !is_full;) {
        if (!take_id(&value, &id))
            continue;
        put_hash(buffer_text(&id), &all);
        is_full = most == 1;
        if (all.length > most * FACT_ID_BYTES) {
            memmove(all.data + FACT_ID_BYTES, all.data + 2 * FACT_ID_BYTES,
                    (most - 1) * FACT_ID_BYTES);
            buffer_cut(&all, most * FACT_ID_BYTES);
        }
    }
    struct text copy = arena_copy(arena, buffer_text(&all));
    buffer_finish(&id);
    buffer_finish(&all);
    return copy;
}

static void take_ids(struct text header, struct arena *arena, struct imap_facts *out)
{
    struct text value;
    if (find_unfolded(header, "Message-ID", arena, &value))
        out->id = ids_of(value, 1, arena);
    if (find_unfolded(header, "References", arena, &value))
        out->references = ids_of(value, FACT_REFERENCES_MAX, arena);
    /* RFC 5256 3, step 1: the first valid one there. */
    if (out->references.length == 0 && find_unfolded(header, "In-Reply-To", arena, &value))
        out->references = ids_of(value, 1, arena);
}

void imap_facts_of(struct text header, struct charset_guess *guess, struct arena *arena,
                   struct imap_facts *out)
{
    const struct taking taking = {header, guess, arena, out};
    struct text subject = TEXT("");
    *out = (struct imap_facts){0};
    out->has_sent = find_sent(header, arena, &out->sent_ms);
    find_unfolded(header, "Subject", arena, &subject);
    subject = mail_subject_base(subject, guess, arena, &out->is_reply);
    out->texts[FACT_SUBJECT] = collated(subject, arena);
    take_address(&taking, "From", FACT_FROM, FACT_DISPLAY_FROM);
    take_address(&taking, "To", FACT_TO, FACT_DISPLAY_TO);
    take_address(&taking, "Cc", FACT_CC, FACTS);
    take_ids(header, arena, out);
}

/* Kept beside the message */

/* readers: charset_readers. */
static void keep(struct imap_message *message, const struct imap_facts *facts, uint64_t readers)
{
    struct buffer out;
    buffer_init(&out, FACTS_MAX);
    wire_put_u8(&out, FACTS_VERSION);
    wire_put_u64(&out, readers);
    wire_put_u64(&out, (uint64_t)facts->sent_ms);
    wire_put_u8(&out, facts->has_sent);
    wire_put_u8(&out, facts->is_reply);
    for (unsigned i = 0; i < FACTS; i++)
        wire_put_text(&out, facts->texts[i]);
    wire_put_text(&out, facts->id);
    wire_put_text(&out, facts->references);
    check(!out.overflowed);
    derived_put(message->store, message->entry.message, DERIVED_FACTS, buffer_text(&out));
    buffer_finish(&out);
}

/* For one who guesses this charset. */
static bool decode(struct text bytes, uint8_t charset, struct imap_facts *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t version = wire_get_u8(&in);
    uint64_t readers = wire_get_u64(&in);
    out->sent_ms = (int64_t)wire_get_u64(&in);
    out->has_sent = wire_get_u8(&in) != 0;
    out->is_reply = wire_get_u8(&in) != 0;
    for (unsigned i = 0; i < FACTS; i++)
        out->texts[i] = wire_get_text(&in);
    out->id = wire_get_text(&in);
    out->references = wire_get_text(&in);
    return wire_end(&in) && version == FACTS_VERSION && charset_is_for(readers, charset) &&
           (out->id.length == 0 || out->id.length == FACT_ID_BYTES) &&
           out->references.length % FACT_ID_BYTES == 0;
}

static bool load(struct imap_message *message, struct imap_facts *out)
{
    struct buffer bytes;
    buffer_init(&bytes, DERIVED_BYTES_MAX);
    bool found = imap_message_kept(message, DERIVED_FACTS, &bytes) &&
                 decode(arena_copy(&message->arena, buffer_text(&bytes)), message->charset, out);
    buffer_finish(&bytes);
    return found;
}

/* From the common fields, or the whole header where those were cut. YIELDS. */
static enum status make(struct imap_message *message, struct imap_facts *out)
{
    struct charset_guess guess = {.charset = message->charset};
    const struct imap_header *header;
    struct buffer section;
    enum status status = imap_message_header(message, &header);
    if (status != OK)
        return status;
    buffer_init(&section, IMAP_HEADER_MAX);
    if (header->is_cut) {
        bool is_far = header->body_start > IMAP_HEADER_MAX;
        status = imap_message_read(
            message, 0, is_far ? (uint32_t)IMAP_HEADER_MAX : (uint32_t)header->body_start,
            &section);
    } else {
        buffer_append(&section, header->fields);
    }
    if (status == OK) {
        imap_facts_of(buffer_text(&section), &guess, &message->arena, out);
        keep(message, out, charset_readers(&guess));
    }
    buffer_finish(&section);
    return status;
}

enum status imap_message_facts(struct imap_message *message, struct imap_facts *out)
{
    enum status status = load(message, out) ? OK : make(message, out);
    if (status == OK && !out->has_sent)
        out->sent_ms = message->entry.date_ms;
    return status;
}
