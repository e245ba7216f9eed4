/* The certificates of a server, and which of them a client is shown. */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "net/tls_internal.h"

struct identity {
    X509 *certificate;
    STACK_OF(X509) * chain; /* without the certificate */
    EVP_PKEY *key;
};

struct tls_identities {
    unsigned count;
    char *first_name; /* of the first one, as others with the same name stand beside it; or NULL */
    struct identity list[];
};

static enum status read_pair(const struct tls_pair *pair, struct identity *out)
{
    out->chain = tls_read_chain(pair->certificate_pem);
    if (out->chain == NULL)
        return refused("the certificate is not usable: %s", tls_error_text());
    out->certificate = sk_X509_shift(out->chain);
    out->key = tls_read_key(pair->key_pem);
    if (out->key == NULL)
        return refused("the key is not usable: %s", tls_error_text());
    if (X509_check_private_key(out->certificate, out->key) == 1)
        return OK;
    tls_error_text();
    return refused("the key does not belong to the certificate");
}

static char *first_name_of(X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    char *found = NULL;
    for (int i = 0; found == NULL && names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS)
            continue;
        const unsigned char *bytes = ASN1_STRING_get0_data(name->d.dNSName);
        int length = ASN1_STRING_length(name->d.dNSName);
        if (length > 0 && memchr(bytes, '\0', (size_t)length) == NULL)
            found = text_to_string(text_of(bytes, (size_t)length));
    }
    GENERAL_NAMES_free(names);
    return found;
}

enum status tls_identities_new(const struct tls_pair *pairs, unsigned count,
                               struct tls_identities **out)
{
    struct tls_identities *identities =
        calloc(1, sizeof(*identities) + count * sizeof(struct identity));
    check(identities != NULL && count > 0);
    enum status status = OK;
    while (status == OK && identities->count < count) {
        unsigned number = identities->count++;
        status = read_pair(&pairs[number], &identities->list[number]);
        if (status != OK && count > 1)
            fail_within(REFUSED, "certificate %u", number + 1);
    }
    if (status == OK)
        identities->first_name = first_name_of(identities->list[0].certificate);
    else
        tls_identities_free(&identities);
    *out = identities;
    return status;
}

void tls_identities_free(struct tls_identities **identities)
{
    struct tls_identities *freed = *identities;
    *identities = NULL;
    if (freed == NULL)
        return;
    for (unsigned i = 0; i < freed->count; i++) {
        X509_free(freed->list[i].certificate);
        sk_X509_pop_free(freed->list[i].chain, X509_free);
        EVP_PKEY_free(freed->list[i].key);
    }
    free(freed->first_name);
    free(freed);
}

enum status tls_identities_try(const struct tls_identities *identities, SSL *ssl)
{
    for (unsigned i = 0; i < identities->count; i++) {
        const struct identity *identity = &identities->list[i];
        if (SSL_use_cert_and_key(ssl, identity->certificate, identity->key, identity->chain, 1) !=
            1)
            return refused("the certificate is not usable: %s", tls_error_text());
    }
    return OK;
}

unsigned tls_identities_count(const struct tls_identities *identities)
{
    return identities->count;
}

/* Exact names before wildcards: X509_check_host compares as RFC 6125 says. */
static bool is_for(const struct identity *identity, const char *name, bool by_wildcard)
{
    unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    if (!by_wildcard)
        flags |= X509_CHECK_FLAG_NO_WILDCARDS;
    return X509_check_host(identity->certificate, name, 0, flags, NULL) == 1;
}

/* One certificate for each kind of key stands in a session; the first written stays. */
static bool use_first_of_kind(const struct tls_identities *identities, const bool *chosen, SSL *ssl)
{
    bool any = false;
    for (unsigned i = 0; i < identities->count; i++) {
        const struct identity *identity = &identities->list[i];
        bool is_double = false;
        for (unsigned k = 0; k < i; k++)
            is_double = is_double || (chosen[k] && EVP_PKEY_get_base_id(identities->list[k].key) ==
                                                       EVP_PKEY_get_base_id(identity->key));
        if (!chosen[i] || is_double)
            continue;
        if (SSL_use_cert_and_key(ssl, identity->certificate, identity->key, identity->chain, 1) !=
            1)
            return false;
        any = true;
    }
    return any;
}

bool tls_identities_use(const struct tls_identities *identities, const char *name, SSL *ssl)
{
    enum { MOST = 128 };
    bool chosen[MOST] = {false}, found = false;
    const char *wanted[] = {name, identities->first_name};
    unsigned count = identities->count < MOST ? identities->count : MOST;
    for (int pass = 0; pass < 4 && !found; pass++) {
        const char *sought = wanted[pass / 2];
        for (unsigned i = 0; sought != NULL && i < count; i++) {
            chosen[i] = is_for(&identities->list[i], sought, pass % 2 == 1);
            found = found || chosen[i];
        }
    }
    if (!found)
        chosen[0] = true;
    return use_first_of_kind(identities, chosen, ssl);
}
