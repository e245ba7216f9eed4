#include "folder/envelope.h"

#include "base/array.h"
#include "base/encoding.h"
#include "mail/address.h"
#include "mail/orcpt.h"

enum { LINE_MAX_BYTES = 4096, ENVELOPE_ID_MAX = 100 };

/* What stands before the next space that is in no quoted string. */
static struct text take_address(struct text *rest)
{
    bool is_quoted = false;
    size_t at = 0;
    *rest = text_trim(*rest);
    for (; at < rest->length; at++) {
        char c = rest->data[at];
        if (is_quoted && c == '\\' && at + 1 < rest->length)
            at++;
        else if (c == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && (c == ' ' || c == '\t'))
            break;
    }
    struct text address = text_head(*rest, at);
    *rest = text_from_position(*rest, at);
    return address;
}

static struct text without_brackets(struct text path)
{
    bool has = path.length >= 2 && path.data[0] == '<' && path.data[path.length - 1] == '>';
    return has ? text_of(path.data + 1, path.length - 2) : path;
}

static bool take_value(struct text word, struct text name, struct text *value)
{
    if (!text_starts_with_nocase(word, name))
        return false;
    *value = text_from_position(word, name.length);
    return true;
}

static enum status read_sender(struct text line, struct arena *arena, struct folder_envelope *out)
{
    struct text word, value;
    if (out->has_sender)
        return refused("there are two x-sender lines");
    out->has_sender = true;
    out->sender = without_brackets(take_address(&line));
    while (text_word(&line, &word)) {
        struct buffer decoded;
        bool understood = true;
        buffer_init(&decoded, ENVELOPE_ID_MAX);
        if (take_value(word, TEXT("RET="), &value)) {
            out->return_headers_only = text_equals_nocase(value, TEXT("HDRS"));
            understood = out->return_headers_only || text_equals_nocase(value, TEXT("FULL"));
        } else if (take_value(word, TEXT("ENVID="), &value)) {
            understood = xtext_decode(value, &decoded);
            out->envelope_id = arena_copy(arena, buffer_text(&decoded));
        } else {
            understood = false;
        }
        buffer_finish(&decoded);
        if (!understood)
            return refused("x-sender: %.*s is not understood", TEXT_ARG(text_head(word, 100)));
    }
    return OK;
}

static bool is_original_recipient(struct text given)
{
    struct text type;
    struct buffer address;
    buffer_init(&address, ORCPT_MAX);
    bool is = given.length <= ORCPT_MAX && orcpt_decode(given, &type, &address);
    buffer_finish(&address);
    return is;
}

static enum status read_receiver(struct text line, struct arena *arena, struct folder_envelope *out)
{
    struct folder_receiver receiver = {.address = without_brackets(take_address(&line))};
    struct text word;
    unsigned bits;
    if (receiver.address.length == 0)
        return refused("an x-receiver line names nobody");
    while (text_word(&line, &word)) {
        bool understood = (take_value(word, TEXT("NOTIFY="), &receiver.notify) &&
                           folder_notify_parse(receiver.notify, &bits)) ||
                          (take_value(word, TEXT("ORCPT="), &receiver.original_recipient) &&
                           is_original_recipient(receiver.original_recipient));
        if (!understood)
            return refused("x-receiver: %.*s is not understood", TEXT_ARG(text_head(word, 100)));
    }
    return folder_envelope_add(out, arena, &receiver);
}

enum status folder_envelope_add(struct folder_envelope *envelope, struct arena *arena,
                                const struct folder_receiver *receiver)
{
    if (envelope->receiver_count == FOLDER_RECEIVERS_MAX)
        return refused("there are more than %d recipients", FOLDER_RECEIVERS_MAX);
    envelope->receivers = arena_grow(arena, envelope->receivers, envelope->receiver_count,
                                     sizeof(*envelope->receivers));
    envelope->receivers[envelope->receiver_count++] = *receiver;
    return OK;
}

enum status folder_envelope_read(struct text *rest, struct arena *arena,
                                 struct folder_envelope *out)
{
    *out = (struct folder_envelope){0};
    enum status status = OK;
    while (status == OK) {
        struct text line = text_before(*rest, '\n'), value;
        bool is_sender = take_value(line, TEXT("x-sender:"), &value);
        if (!is_sender && !take_value(line, TEXT("x-receiver:"), &value))
            break;
        *rest = text_from_position(*rest, line.length + 1);
        if (line.length > LINE_MAX_BYTES)
            return refused("a line of the envelope is longer than %d bytes", LINE_MAX_BYTES);
        value = arena_copy(arena, text_trim(value));
        status = is_sender ? read_sender(value, arena, out) : read_receiver(value, arena, out);
    }
    return status;
}

void folder_envelope_write(const struct folder_envelope *envelope, struct buffer *out)
{
    if (envelope->has_sender) {
        buffer_printf(out, "x-sender: %.*s",
                      TEXT_ARG(envelope->sender.length > 0 ? envelope->sender : TEXT("<>")));
        if (envelope->return_headers_only)
            buffer_append(out, TEXT(" RET=HDRS"));
        if (envelope->envelope_id.length > 0) {
            buffer_append(out, TEXT(" ENVID="));
            xtext_encode(envelope->envelope_id, out);
        }
        buffer_append(out, TEXT("\r\n"));
    }
    for (unsigned i = 0; i < envelope->receiver_count; i++) {
        const struct folder_receiver *receiver = &envelope->receivers[i];
        buffer_printf(out, "x-receiver: %.*s", TEXT_ARG(receiver->address));
        if (receiver->notify.length > 0)
            buffer_printf(out, " NOTIFY=%.*s", TEXT_ARG(receiver->notify));
        if (receiver->original_recipient.length > 0)
            buffer_printf(out, " ORCPT=%.*s", TEXT_ARG(receiver->original_recipient));
        buffer_append(out, TEXT("\r\n"));
    }
}

enum status folder_address(struct text written, struct text domain, struct arena *arena,
                           struct text *out)
{
    struct text text = without_brackets(text_trim(written));
    struct mail_address address;
    if (text.length > 2 * MAIL_ADDRESS_MAX)
        return refused("an address is longer than %d bytes", MAIL_ADDRESS_MAX);
    if (text_find(text, '@') == text.length)
        text = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(text), TEXT_ARG(domain));
    enum status status = mail_address_parse(text, arena, &address);
    if (status != OK)
        return fail_within(status, "%.*s", TEXT_ARG(text_head(text, 100)));
    *out = mail_address_text(&address, arena);
    return OK;
}

bool folder_notify_parse(struct text words, unsigned *out)
{
    static const char *const names[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    enum { NAMES = sizeof(names) / sizeof(names[0]), NEVER = 1 };
    struct text word;
    *out = 0;
    while (text_split(&words, ',', &word)) {
        unsigned i = 0;
        while (i < NAMES && !text_equals_nocase(word, text_from(names[i])))
            i++;
        if (i == NAMES)
            return false;
        *out |= 1u << i;
    }
    return *out != 0 && ((*out & NEVER) == 0 || *out == NEVER);
}
