#include "directory/certificates.h"

#include "base/encoding.h"
#include "directory/state.h"

struct text certificate_owner(struct directory *directory, struct text digest, struct arena *arena)
{
    struct buffer key, value;
    struct text owner = TEXT("");
    if (directory->index == NULL)
        return owner;
    buffer_init(&key, INDEX_KEY_MAX);
    buffer_init(&value, DIRECTORY_KEY_MAX);
    directory_index_certificate(&key, digest);
    if (index_get(directory->index, buffer_text(&key), &value))
        owner = arena_copy(arena, buffer_text(&value));
    buffer_finish(&key);
    buffer_finish(&value);
    return owner;
}

/* ---- Changes ---- */

static enum status check_add(struct directory *directory, struct text user, struct text digest,
                             struct arena *arena)
{
    struct directory_user found;
    struct text owner = certificate_owner(directory, digest, arena);
    if (!directory_user_find(directory, user, arena, &found))
        return refused("there is no user %.*s", TEXT_ARG(user));
    if (owner.length > 0 && !text_equals(owner, user))
        return refused("the certificate is that of %.*s", TEXT_ARG(owner));
    return owner.length > 0 ? refused("the certificate is his already") : OK;
}

static enum status check_remove(struct directory *directory, struct text user, struct text digest,
                                struct arena *arena)
{
    if (text_equals(certificate_owner(directory, digest, arena), user))
        return OK;
    return refused("that is no certificate of %.*s", TEXT_ARG(user));
}

static enum status change(struct directory *directory, enum directory_record_type type,
                          struct text user, struct text digest)
{
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    struct arena arena;
    arena_init(&arena);
    struct directory_record record = {.type = type, .key = user, .digest = digest};
    status = type == RECORD_CERTIFICATE ? check_add(directory, user, digest, &arena)
                                        : check_remove(directory, user, digest, &arena);
    if (directory_ready(directory) != OK)
        status = TRY_LATER;
    if (status == OK)
        status = directory_commit(directory, &record);
    arena_finish(&arena);
    directory_change_end(directory);
    return status;
}

enum status certificate_add(struct directory *directory, struct text user, struct text digest)
{
    return change(directory, RECORD_CERTIFICATE, user, digest);
}

enum status certificate_remove(struct directory *directory, struct text user, struct text digest)
{
    return change(directory, RECORD_CERTIFICATE_GONE, user, digest);
}

/* ---- Listing ---- */

struct listing {
    struct text user;
    certificate_visit *visit;
    void *context;
};

static bool list_one(void *context, struct text key, struct text value)
{
    const struct listing *listing = context;
    if (text_equals(value, listing->user))
        listing->visit(listing->context, text_from_position(key, 1));
    return true;
}

void certificate_list(struct directory *directory, struct text user, certificate_visit *visit,
                      void *context)
{
    const char prefix = INDEX_CERTIFICATE;
    struct listing listing = {user, visit, context};
    if (directory->index != NULL)
        index_scan(directory->index, text_of(&prefix, 1), TEXT(""), list_one, &listing);
}

/* ---- As it is written ---- */

static bool read_hex(struct text written, unsigned char out[DIRECTORY_DIGEST_BYTES])
{
    size_t digits = 0;
    for (size_t i = 0; i < written.length; i++) {
        int value = hex_digit_value(written.data[i]);
        bool is_colon = written.data[i] == ':' && digits % 2 == 0 && digits > 0;
        if (is_colon)
            continue;
        if (value < 0 || digits >= (size_t)2 * DIRECTORY_DIGEST_BYTES)
            return false;
        unsigned char *byte = &out[digits / 2];
        *byte = (unsigned char)(digits % 2 == 0 ? value << 4 : *byte | value);
        digits++;
    }
    return digits == (size_t)2 * DIRECTORY_DIGEST_BYTES;
}

enum status certificate_digest(struct text written, unsigned char out[DIRECTORY_DIGEST_BYTES])
{
    return read_hex(written, out)
               ? OK
               : refused("wanted is a SHA-256 in hexadecimal, as openssl x509 -noout -fingerprint "
                         "-sha256 prints it");
}
