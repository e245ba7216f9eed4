/* A value of the user, "urlauth/ID": the form of what follows, and the key. */
#include "account/access_key.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/random.h"
#include "store/value.h"

#define PREFIX "urlauth/"

enum { FORM = 1, VALUE_BYTES = 1 + ACCESS_KEY_BYTES, NAME_BYTES = 32, REMOVED_AT_ONCE = 500 };

static struct text name_of(uint64_t mailbox, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, PREFIX "%016" PRIx64, mailbox);
    return text_from(out);
}

void access_key_wipe(struct access_key *key)
{
    OPENSSL_cleanse(key->bytes, sizeof(key->bytes));
}

bool access_key_find(struct store *store, struct text user, uint64_t mailbox,
                     struct access_key *out)
{
    char name[NAME_BYTES];
    struct buffer value;
    buffer_init(&value, VALUE_BYTES_MAX);
    bool found = value_get(store, user, name_of(mailbox, name), &value) &&
                 value.length == VALUE_BYTES && value.data[0] == FORM;
    if (found)
        memcpy(out->bytes, value.data + 1, ACCESS_KEY_BYTES);
    if (value.length > 0)
        OPENSSL_cleanse(value.data, value.length);
    buffer_finish(&value);
    return found;
}

/* Nothing yields before the record is appended. */
static enum status put_new(struct store *store, struct text user, uint64_t mailbox,
                           struct access_key *out)
{
    char name[NAME_BYTES], value[VALUE_BYTES] = {FORM};
    random_bytes(out->bytes, ACCESS_KEY_BYTES);
    memcpy(value + 1, out->bytes, ACCESS_KEY_BYTES);
    enum status status =
        value_set(store, user, name_of(mailbox, name), text_of(value, sizeof(value)));
    OPENSSL_cleanse(value, sizeof(value));
    return status;
}

enum status access_key_get(struct store *store, struct text user, uint64_t mailbox,
                           struct access_key *out)
{
    store_settle(store); /* another session may be making it */
    if (access_key_find(store, user, mailbox, out))
        return OK;
    return put_new(store, user, mailbox, out);
}

enum status access_key_renew(struct store *store, struct text user, uint64_t mailbox)
{
    struct access_key key;
    enum status status = put_new(store, user, mailbox, &key);
    access_key_wipe(&key);
    return status;
}

struct removing {
    struct change change;
    struct text user;
    uint64_t mailboxes[REMOVED_AT_ONCE];
    unsigned count;
};

static bool remove_one(void *context, struct text name, struct text value)
{
    struct removing *removing = context;
    uint64_t mailbox = 0;
    unused(value);
    value_compose(&removing->change, removing->user, name, TEXT(""));
    for (size_t i = sizeof(PREFIX) - 1; i < name.length; i++)
        mailbox = mailbox << 4 | (unsigned)hex_digit_value(name.data[i]);
    removing->mailboxes[removing->count++] = mailbox;
    return removing->count < REMOVED_AT_ONCE;
}

static enum status remove_some(struct store *store, struct removing *removing)
{
    removing->count = 0;
    change_init(&removing->change);
    value_each(store, removing->user, TEXT(PREFIX), remove_one, removing);
    enum status status = removing->count == 0 ? OK : store_commit(store, &removing->change);
    change_finish(&removing->change);
    return status;
}

enum status access_keys_remove(struct store *store, struct text user, access_key_removed *told,
                               void *context)
{
    struct removing *removing = calloc(1, sizeof(*removing));
    check(removing != NULL);
    removing->user = user;
    enum status status = OK;
    do {
        store_settle(store); /* what another session is making goes too */
        status = remove_some(store, removing);
        for (unsigned i = 0; status == OK && i < removing->count; i++)
            told(context, removing->mailboxes[i]);
    } while (status == OK && removing->count > 0);
    free(removing);
    return status;
}

void access_key_forget(struct store *store, struct text owner, uint64_t mailbox,
                       struct change *change)
{
    char name[NAME_BYTES];
    struct access_key key;
    if (!access_key_find(store, owner, mailbox, &key))
        return;
    access_key_wipe(&key);
    value_compose(change, owner, name_of(mailbox, name), TEXT(""));
}
