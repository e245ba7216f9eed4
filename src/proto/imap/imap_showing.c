/* A value of the user, "imap/shown": the form of what follows, what his last session showed, and
 * how often that has changed. Who has none has always seen messages as they are kept. */
#include "proto/imap/imap_showing.h"

#include "account/preference.h"
#include "base/logline.h"
#include "base/wire.h"
#include "store/value.h"

#define NAME TEXT("imap/shown")

/* Mailboxes made in a row have numbers in a row, and one may be renamed to what another was called:
 * steps are wide and no round number, so that a sum is not met again. Of as many changes as can be
 * told the last stays. */
enum { FORM = 1, CHANGES_MOST = 30000, STEP = 65537 };

static void encode(const struct imap_showing *showing, struct buffer *out)
{
    wire_put_u8(out, FORM);
    wire_put_u8(out, (uint8_t)showing->to);
    wire_put_u8(out, showing->has_fast_sizes);
    wire_put_u32(out, showing->changes);
}

static bool decode(struct text bytes, struct imap_showing *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t form = wire_get_u8(&in), to = wire_get_u8(&in);
    *out = (struct imap_showing){.to = (enum reduced_to)to};
    out->has_fast_sizes = wire_get_u8(&in) != 0;
    out->changes = wire_get_u32(&in);
    return wire_end(&in) && form == FORM && to <= REDUCED_TO_HTML && out->changes <= CHANGES_MOST;
}

void imap_showing_last(const struct accounts *accounts, struct text user, struct imap_showing *out)
{
    struct buffer value;
    buffer_init(&value, VALUE_BYTES_MAX);
    if (!value_get(accounts->store, user, NAME, &value) || !decode(buffer_text(&value), out))
        *out = (struct imap_showing){0};
    buffer_finish(&value);
}

/* Sizes are a choice only where something is left out. */
static bool is_as_he_wants(const struct accounts *accounts, struct text user,
                           struct imap_showing *showing)
{
    enum reduced_to to = (enum reduced_to)preference_get(accounts, user, PREFERENCE_IMAP_BODY);
    bool has_fast_sizes =
        to != REDUCED_TO_BOTH && preference_get(accounts, user, PREFERENCE_IMAP_SIZES) != 0;
    bool is_so = showing->to == to && showing->has_fast_sizes == has_fast_sizes;
    showing->to = to;
    showing->has_fast_sizes = has_fast_sizes;
    return is_so;
}

/* Nothing yields before the record is appended, so no other session counts the same. YIELDS. */
static enum status note_change(const struct accounts *accounts, struct text user,
                               struct imap_showing *showing)
{
    struct buffer value;
    buffer_init(&value, VALUE_BYTES_MAX);
    showing->changes++;
    encode(showing, &value);
    enum status status = value_set(accounts->store, user, NAME, buffer_text(&value));
    buffer_finish(&value);
    if (status == OK)
        log_info("imap.shown-anew", "user=%s body=%u fast-sizes=%u changes=%u", log_text(user),
                 showing->to, showing->has_fast_sizes, showing->changes);
    return status;
}

enum status imap_showing_begin(const struct accounts *accounts, struct text user,
                               struct imap_showing *out)
{
    imap_showing_last(accounts, user, out);
    if (is_as_he_wants(accounts, user, out))
        return OK;
    store_settle(accounts->store); /* another session may be noting it */
    imap_showing_last(accounts, user, out);
    if (out->changes == CHANGES_MOST) {
        log_warning("imap.shown-as-before", "user=%s changes=%u", log_text(user), out->changes);
        return OK;
    }
    if (is_as_he_wants(accounts, user, out))
        return OK;
    return note_change(accounts, user, out);
}

uint32_t imap_uid_validity(const struct imap_showing *showing, const struct mailbox *box)
{
    return mailbox_uid_validity(box) + showing->changes * STEP;
}
