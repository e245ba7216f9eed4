#include "proto/imap/message/imap_urlauth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/random.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/mailbox/imap_place.h"

/* RFC 4467 2.4.1 wants it told how a token was made: its first byte says so. This is HMAC with
 * SHA-256 of the rump. */
enum { BY_HMAC_SHA256 = 1, MAC_BYTES = 32, TOKEN_BYTES = 1 + MAC_BYTES };

static void make_token(const struct access_key *key, struct text rump,
                       unsigned char out[TOKEN_BYTES])
{
    unsigned length = MAC_BYTES;
    out[0] = BY_HMAC_SHA256;
    check(HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), (const unsigned char *)rump.data,
               rump.length, out + 1, &length) != NULL);
}

void imap_urlauth_put(struct buffer *out, struct text rump, const struct access_key *key)
{
    unsigned char token[TOKEN_BYTES];
    make_token(key, rump, token);
    buffer_append(out, rump);
    buffer_append(out, TEXT(":internal:"));
    for (unsigned i = 0; i < TOKEN_BYTES; i++)
        buffer_printf(out, "%02x", token[i]);
}

bool imap_urlauth_is_ours(const struct settings *settings, const struct imap_full_url *url)
{
    struct text host = text_before(url->host, ':');
    if (settings == NULL)
        return false;
    bool is_ours = text_equals_nocase(host, settings->host);
    for (unsigned i = 0; i < settings->server_count && !is_ours; i++)
        is_ours = text_equals_nocase(host, settings->servers[i].host);
    return is_ours || settings_domain_find(settings, host) != NULL;
}

/* Without a key the work is the same, so that no clock tells whether there is one. */
static bool has_our_token(const struct imap_urlauth_asker *asker, const struct imap_full_url *url,
                          struct text owner, const struct mailbox *box)
{
    struct access_key key;
    unsigned char wanted[TOKEN_BYTES], said[TOKEN_BYTES] = {0};
    struct text hex = url->token;
    bool is_token = hex.length == 2 * sizeof(said);
    bool found =
        box != NULL && access_key_find(asker->accounts->store, owner, mailbox_id(box), &key);
    if (!found)
        random_bytes(key.bytes, sizeof(key.bytes));
    for (unsigned i = 0; i < sizeof(said) && is_token; i++) {
        int byte = hex_byte_value(text_from_position(hex, 2 * i));
        is_token = byte >= 0;
        said[i] = (unsigned char)byte;
    }
    make_token(&key, url->rump, wanted);
    access_key_wipe(&key);
    bool is_same = CRYPTO_memcmp(wanted, said, sizeof(said)) == 0;
    return found && is_token && is_same;
}

static enum status check_access(const struct imap_urlauth_asker *asker,
                                const struct imap_full_url *url, struct text owner,
                                struct arena *arena)
{
    struct text user = TEXT("");
    bool is_named = url->access_user.length > 0 &&
                    sharing_user(url->access_user, owner, arena, &user) &&
                    text_equals(user, asker->user);
    switch (url->access) {
    case IMAP_URL_ACCESS_SUBMIT:
        return asker->submits && is_named ? OK : refused("it is for who submits for that user");
    case IMAP_URL_ACCESS_USER:
        return !asker->submits && is_named ? OK : refused("it is for another user");
    case IMAP_URL_ACCESS_AUTHUSER:
        return asker->submits ? refused("it is for IMAP sessions") : OK;
    case IMAP_URL_ACCESS_ANONYMOUS:
        return OK;
    case IMAP_URL_ACCESS_NONE:
        break;
    }
    return refused("it does not say for whom it is");
}

/* OK: *entry is lent until the next yield. */
static enum status find_entry(const struct imap_full_url *url, const struct imap_showing *showing,
                              struct mailbox *box, struct mailbox_entry *entry)
{
    const struct imap_url *path = &url->message;
    if (path->validity != 0 && path->validity != imap_uid_validity(showing, box))
        return refused("the mailbox is not the one it was");
    mailbox_open(box);
    const struct mailbox_entry *found = mailbox_entry_find(box, path->uid);
    if (found != NULL)
        *entry = *found;
    mailbox_close(&box);
    return found != NULL ? OK : refused("the message is gone");
}

static bool read_item(const struct imap_url *path, struct line_session *line,
                      struct imap_fetch_item *item)
{
    *item = (struct imap_fetch_item){
        .is_partial = path->is_partial, .offset = path->offset, .length = path->length};
    return imap_section_read(path->section, line, &item->section);
}

enum status imap_urlauth_follow(const struct imap_urlauth_asker *asker,
                                const struct imap_full_url *url, struct line_session *line,
                                struct imap_message *message, struct imap_fetch_item *item)
{
    struct store *store = asker->accounts->store;
    struct mailbox_entry entry;
    struct imap_showing showing;
    struct text owner, name;
    if (!imap_urlauth_is_ours(asker->accounts->settings, url) ||
        !text_equals_nocase(url->mechanism, TEXT("INTERNAL")))
        return refused("another server made it");
    if (!sharing_user(url->user, asker->user, &line->arena, &owner) ||
        !imap_name_read(url->message.mailbox, true, &line->arena, &name) ||
        !read_item(&url->message, line, item))
        return refused("it is malformed");
    struct imap_place place = imap_place_for(owner, name);
    struct mailbox *box = mailbox_find(store, place.owner, place.name);
    if (!has_our_token(asker, url, owner, box))
        return refused("the token is not ours, or was revoked");
    if (url->expires_ms <= clock_wall_ms())
        return refused("it has expired");
    enum status status = check_access(asker, url, owner, &line->arena);
    if (status == OK && (sharing_rights(store, box, owner) & RIGHT_READ) == 0)
        status = refused("who made it may not read the mailbox any more");
    imap_showing_last(asker->accounts, owner, &showing);
    if (status == OK)
        status = find_entry(url, &showing, box, &entry);
    if (status != OK)
        return status;
    imap_message_init(message, store, &entry);
    message->showing = showing;
    return OK;
}
