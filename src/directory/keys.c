#include "directory/keys.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/logline.h"
#include "base/random.h"
#include "directory/calls.h"
#include "directory/state.h"
#include "sasl/cram.h"
#include "sasl/saslprep.h"
#include "sasl/scram.h"
#include "task/offload.h"

/* SHA-256, for made_for and fingerprints. */
static void digest_of(struct text bytes, unsigned char out[DIRECTORY_DIGEST_BYTES])
{
    unsigned length = DIRECTORY_DIGEST_BYTES;
    check(EVP_Digest(bytes.data, bytes.length, out, &length, EVP_sha256(), NULL) == 1);
}

/* ---- Making ---- */

static const struct {
    enum login_key_kind kind;
    enum scram_hash hash;
} scram_kinds[] = {
    {LOGIN_KEY_SCRAM_SHA_1, SCRAM_SHA_1},
    {LOGIN_KEY_SCRAM_SHA_256, SCRAM_SHA_256},
};
enum { SCRAM_KINDS = sizeof(scram_kinds) / sizeof(scram_kinds[0]) };

struct scram_job {
    struct text password;
    unsigned char salts[SCRAM_KINDS][LOGIN_KEY_SALT_BYTES];
    struct scram_keys keys[SCRAM_KINDS];
};

static void scram_run(void *argument)
{
    struct scram_job *job = argument;
    struct scram_digest salted;
    for (unsigned i = 0; i < SCRAM_KINDS; i++) {
        struct text salt = text_of(job->salts[i], LOGIN_KEY_SALT_BYTES);
        check(scram_salt_password(scram_kinds[i].hash, job->password, salt, LOGIN_KEY_ITERATIONS,
                                  &salted));
        scram_keys_derive(scram_kinds[i].hash, &salted, &job->keys[i]);
    }
    explicit_bzero(&salted, sizeof(salted));
}

static void put_scram(struct text password, struct buffer *keys, uint32_t *count)
{
    struct scram_job *job = calloc(1, sizeof(*job));
    check(job != NULL);
    job->password = password;
    random_bytes(job->salts, sizeof(job->salts));
    task_offload(scram_run, job);
    for (unsigned i = 0; i < SCRAM_KINDS; i++) {
        const struct scram_keys *made = &job->keys[i];
        struct login_key key = {.kind = scram_kinds[i].kind,
                                .iterations = LOGIN_KEY_ITERATIONS,
                                .salt = text_of(job->salts[i], LOGIN_KEY_SALT_BYTES),
                                .stored = text_of(made->stored.bytes, made->stored.length),
                                .server = text_of(made->server.bytes, made->server.length)};
        directory_record_put_key(keys, &key);
        ++*count;
    }
    explicit_bzero(job, sizeof(*job));
    free(job);
}

static void put_cram(struct text password, struct buffer *keys, uint32_t *count)
{
    struct cram_key made;
    cram_key_make(password, &made);
    struct login_key key = {.kind = LOGIN_KEY_CRAM_MD5,
                            .stored = text_of(made.inner, sizeof(made.inner)),
                            .server = text_of(made.outer, sizeof(made.outer))};
    directory_record_put_key(keys, &key);
    ++*count;
    explicit_bzero(&made, sizeof(made));
}

static void put_ntlm(struct text password, struct buffer *keys, uint32_t *count)
{
    struct login_key key = {.kind = LOGIN_KEY_NTLM, .stored = password};
    directory_record_put_key(keys, &key);
    ++*count;
}

/* None when the password has no SASLprep form. YIELDS. */
static void make(struct text password, unsigned with, struct buffer *keys, uint32_t *count)
{
    struct buffer prepared;
    *count = 0;
    buffer_init(&prepared, 4 * DIRECTORY_PASSWORD_MAX);
    buffer_reserve(&prepared, 4 * DIRECTORY_PASSWORD_MAX); /* one block, wiped whole */
    if (saslprep(password, &prepared) && prepared.length > 0) {
        put_scram(buffer_text(&prepared), keys, count);
        if ((with & WITH_CRAM) != 0)
            put_cram(buffer_text(&prepared), keys, count);
        if ((with & WITH_NTLM) != 0)
            put_ntlm(password, keys, count);
    }
    buffer_forget(&prepared);
}

/* ---- Finding ---- */

static bool pick(const struct directory_record *record, enum login_key_kind kind,
                 struct login_key *out)
{
    struct text keys = record->keys;
    for (uint32_t i = 0; i < record->key_count; i++)
        if (directory_record_key(&keys, out) && out->kind == kind)
            return true;
    return false;
}

/* The record of keys that goes with this hash. */
static bool find_record(struct directory *directory, struct text user, struct text hash,
                        struct buffer *value, struct directory_record *record)
{
    unsigned char digest[DIRECTORY_DIGEST_BYTES];
    digest_of(hash, digest);
    return hash.length > 0 && directory_index_find(directory, INDEX_KEYS, user, value, record) &&
           text_equals(record->made_for, text_of(digest, sizeof(digest)));
}

bool login_key_find(struct directory *directory, struct text user, enum login_key_kind kind,
                    struct buffer *value, struct login_key *out)
{
    struct directory_record record;
    struct arena arena;
    arena_init(&arena);
    struct text hash = directory_login_hash(directory, user, &arena);
    bool found = find_record(directory, user, hash, value, &record) && pick(&record, kind, out);
    arena_finish(&arena);
    return found;
}

/* ---- Recording ---- */

static enum status commit(struct directory *directory, struct directory_record *record,
                          struct text hash)
{
    unsigned char digest[DIRECTORY_DIGEST_BYTES];
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    digest_of(hash, digest);
    record->made_for = text_of(digest, sizeof(digest));
    status = directory_commit(directory, record);
    directory_change_end(directory);
    return status;
}

enum status login_keys_set(struct directory *directory, struct text user, struct text hash,
                           struct text password, unsigned with)
{
    struct buffer keys;
    struct directory_record record = {.type = RECORD_KEYS, .key = user};
    buffer_init(&keys, LOGIN_KEYS_MAX);
    buffer_reserve(&keys, LOGIN_KEYS_MAX); /* one block, wiped whole */
    make(password, with, &keys, &record.key_count);
    record.keys = buffer_text(&keys);
    enum status status = record.key_count > 0
                             ? commit(directory, &record, hash)
                             : refused("the password has characters that SASLprep (RFC 4013) "
                                       "forbids; SCRAM will not be possible with it");
    buffer_forget(&keys);
    return status;
}

void login_keys_complete(struct directory *directory, struct text user, struct text hash,
                         struct text password)
{
    struct buffer value;
    struct directory_record record;
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    bool has_keys = find_record(directory, user, hash, &value, &record);
    buffer_forget(&value);
    if (!has_keys && login_keys_set(directory, user, hash, password, 0) == TRY_LATER)
        log_warning("directory.no_keys", "user=%s reason=%s", log_text(user),
                    log_text(text_from(fail_reason())));
}
