/* libxcrypt in the offload pool. What held a password is wiped before it is freed. */
#include "directory/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/random.h"
#include "directory/calls.h"
#include "sasl/saslprep.h"
#include "task/offload.h"

_Static_assert(DIRECTORY_HASH_MAX >= CRYPT_OUTPUT_SIZE, "a hash fits");
_Static_assert(DIRECTORY_PASSWORD_MAX < CRYPT_MAX_PASSPHRASE_SIZE, "a password fits");

/* One call of crypt_rn. 33 KiB: never on a task's stack. */
struct crypt_job {
    char password[DIRECTORY_PASSWORD_MAX + 1];
    char setting[DIRECTORY_HASH_MAX]; /* a hash, or a fresh salt */
    char result[DIRECTORY_HASH_MAX];
    bool done;
    struct crypt_data data;
};

static void crypt_run(void *argument)
{
    struct crypt_job *job = argument;
    const char *result = crypt_rn(job->password, job->setting, &job->data, (int)sizeof(job->data));
    job->done = result != NULL && text_copy(text_from(result), job->result, sizeof(job->result));
}

static struct crypt_job *job_new(struct text password)
{
    struct crypt_job *job = calloc(1, sizeof(*job));
    check(job != NULL);
    check(text_copy(password, job->password, sizeof(job->password)));
    return job;
}

static void job_free(struct crypt_job *job)
{
    explicit_bzero(job, sizeof(*job));
    free(job);
}

/* REFUSED when empty, too long, or with bytes nobody can type (NUL, CR, LF). */
static enum status check_form(struct text password)
{
    if (password.length == 0)
        return refused("the password is empty");
    if (password.length > DIRECTORY_PASSWORD_MAX)
        return refused("the password is longer than %d bytes", DIRECTORY_PASSWORD_MAX);
    for (size_t i = 0; i < password.length; i++)
        if (password.data[i] == '\0' || password.data[i] == '\r' || password.data[i] == '\n')
            return refused("the password has a line break or a NUL byte in it");
    return OK;
}

/* RFC 4616 2: passwords are compared in their SASLprep form. False: it has none, or one too long.
 */
static bool prepare(struct text password, char out[DIRECTORY_PASSWORD_MAX + 1])
{
    struct buffer prepared;
    buffer_init(&prepared, DIRECTORY_PASSWORD_MAX);
    buffer_reserve(&prepared, DIRECTORY_PASSWORD_MAX); /* one block, wiped whole */
    bool good = saslprep(password, &prepared) && prepared.length > 0 &&
                text_copy(buffer_text(&prepared), out, DIRECTORY_PASSWORD_MAX + 1);
    buffer_forget(&prepared);
    return good;
}

enum status password_hash(struct text password, char out[DIRECTORY_HASH_MAX])
{
    enum status status = check_form(password);
    if (status != OK)
        return status;
    char prepared[DIRECTORY_PASSWORD_MAX + 1];
    struct crypt_job *job = job_new(prepare(password, prepared) ? text_from(prepared) : password);
    explicit_bzero(prepared, sizeof(prepared));
    char salt[32];
    random_bytes(salt, sizeof(salt));
    bool done = crypt_gensalt_rn("$y$", 0, salt, (int)sizeof(salt), job->setting,
                                 (int)sizeof(job->setting)) != NULL;
    if (done) {
        task_offload(crypt_run, job);
        done = job->done;
    }
    if (done)
        memcpy(out, job->result, DIRECTORY_HASH_MAX);
    job_free(job);
    return done ? OK : try_later("cannot hash a password: crypt failed");
}

bool password_hash_is_usable(struct text hash)
{
    static const char *const methods[] = {"$y$", "$6$", "$5$", "$2a$", "$2b$", "$2y$", "$1$"};
    char string[DIRECTORY_HASH_MAX];
    if (!text_copy(hash, string, sizeof(string)) || strlen(string) != hash.length)
        return false;
    int answer = crypt_checksalt(string);
    if (answer != CRYPT_SALT_OK && answer != CRYPT_SALT_METHOD_LEGACY)
        return false;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (text_starts_with(hash, text_from(methods[i])))
            return true;
    return false;
}

enum status password_gate_init(struct password_gate *gate)
{
    *gate = (struct password_gate){0};
    task_event_init(&gate->turn);
    unsigned char random[16];
    random_bytes(random, sizeof(random));
    char password[2 * sizeof(random)];
    for (size_t i = 0; i < sizeof(password); i++)
        password[i] = (char)('a' + (random[i / 2] >> (i % 2 * 4) & 15));
    enum status status = password_hash(text_of(password, sizeof(password)), gate->decoy);
    explicit_bzero(password, sizeof(password));
    return status;
}

/* yescrypt takes 16 MB for each, which is what it is good for. As much again is for all else. */
static unsigned verifications_most(void)
{
    enum { BYTES_OF_ONE = 16 << 20, PARTS = PASSWORD_VERIFICATIONS + 1 };
    size_t parts = memory_part((size_t)PARTS * BYTES_OF_ONE, 1) / BYTES_OF_ONE;
    return parts <= 2 ? 1 : (unsigned)parts - 1;
}

static enum status gate_enter(struct password_gate *gate)
{
    if (gate->waiting >= PASSWORD_WAITING_MAX)
        return try_later("too many logins at once");
    gate->waiting++;
    enum status status = OK;
    while (status == OK && gate->running >= verifications_most())
        status = task_event_wait(&gate->turn, NO_DEADLINE);
    gate->waiting--;
    if (status == OK)
        gate->running++;
    else
        task_event_tell_one(&gate->turn); /* the turn that may have been ours */
    return status;
}

static void gate_leave(struct password_gate *gate)
{
    gate->running--;
    task_event_tell_one(&gate->turn);
}

/* YIELDS. */
static bool verify_form(const struct password_gate *gate, struct text hash, struct text password)
{
    struct crypt_job *job = job_new(password);
    bool real = text_copy(hash, job->setting, sizeof(job->setting)) && hash.length > 0;
    if (!real)
        memcpy(job->setting, gate->decoy, sizeof(gate->decoy));
    task_offload(crypt_run, job);
    size_t length = strlen(job->setting);
    bool good = real && job->done && strlen(job->result) == length &&
                CRYPTO_memcmp(job->result, job->setting, length) == 0;
    job_free(job);
    return good;
}

enum status password_verify(struct password_gate *gate, struct text hash, struct text password)
{
    char prepared[DIRECTORY_PASSWORD_MAX + 1];
    if (check_form(password) != OK)
        return refused("authentication failed");
    enum status status = gate_enter(gate);
    if (status != OK)
        return status;
    /* Hashes that were made elsewhere may be of the password as it was typed. */
    bool good = verify_form(gate, hash, password);
    if (!good && prepare(password, prepared) && !text_equals(text_from(prepared), password))
        good = verify_form(gate, hash, text_from(prepared));
    explicit_bzero(prepared, sizeof(prepared));
    gate_leave(gate);
    return good ? OK : refused("authentication failed");
}
