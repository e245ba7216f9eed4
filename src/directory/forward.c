/* Senders of mail that is forwarded (mail/srs.h): rewritten on the way out, and found again when
 * something comes back. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "directory/directory.h"
#include "directory/state.h"
#include "mail/address.h"
#include "mail/srs.h"

/* Of the directory's secret, and of no use for what else that is for: decoy salts are shown. */
static void make_key(const struct directory *directory, unsigned char key[DIRECTORY_DIGEST_BYTES])
{
    static const unsigned char purpose[] = {'s', 'r', 's'};
    unsigned length = DIRECTORY_DIGEST_BYTES;
    check(HMAC(EVP_sha256(), directory->salt_secret, (int)sizeof(directory->salt_secret), purpose,
               sizeof(purpose), key, &length) != NULL);
}

enum status directory_rewrite(const struct directory *directory, struct text sender,
                              struct text domain, struct arena *arena, struct text *out)
{
    unsigned char key[DIRECTORY_DIGEST_BYTES];
    if (settings_domain_find(directory->settings, domain) == NULL)
        return refused("not a domain of ours");
    make_key(directory, key);
    enum status status =
        srs_rewrite(text_of(key, sizeof(key)), sender, domain, clock_wall_ms(), arena, out);
    explicit_bzero(key, sizeof(key));
    return status;
}

bool directory_rewritten(const struct directory *directory, struct text key, struct arena *arena,
                         struct text *original)
{
    unsigned char secret[DIRECTORY_DIGEST_BYTES];
    struct mail_address address;
    if (!srs_is_rewritten(key))
        return false;
    make_key(directory, secret);
    enum status status =
        srs_reverse(text_of(secret, sizeof(secret)), key, clock_wall_ms(), arena, original);
    explicit_bzero(secret, sizeof(secret));
    if (status != OK || mail_address_parse(*original, arena, &address) != OK)
        return false;
    *original = mail_address_key(&address, arena);
    /* Ours are never rewritten. */
    return settings_domain_find(directory->settings, address.domain_ascii) == NULL;
}
