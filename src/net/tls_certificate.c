#include "net/tls_certificate.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/tls_internal.h"

enum { NAMES_MAX = 100, SUBJECT_MAX = 1024, RSA_BITS = 3072, CHAIN_MAX = 16 };

static bool append_bio(BIO *bio, struct buffer *out)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    return length > 0 && buffer_append(out, text_of(data, (size_t)length));
}

static BIO *memory_new(void)
{
    BIO *bio = BIO_new(BIO_s_mem());
    check(bio != NULL);
    return bio;
}

enum status tls_key_make(enum tls_key_kind kind, struct buffer *key_pem)
{
    EVP_PKEY *key = kind == TLS_KEY_RSA ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_secmem());
    check(bio != NULL);
    bool made = key != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                append_bio(bio, key_pem);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return made ? OK : refused("cannot make a key: %s", tls_error_text());
}

/* "DNS:a,DNS:b" as an extension. */
static X509_EXTENSION *names_extension(const struct text *names, unsigned count)
{
    struct buffer value;
    buffer_init(&value, 64 << 10);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(&value, "%sDNS:%.*s", i == 0 ? "" : ",", TEXT_ARG(names[i]));
    buffer_append_byte(&value, '\0');
    check(!value.overflowed);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value.data);
    buffer_finish(&value);
    return extension;
}

/* RFC 5280 A.1: a common name has at most 64 bytes; a longer one stands in the names alone. */
static void set_common_name(X509_NAME *subject, struct text name)
{
    enum { COMMON_NAME_MAX = 64 };
    if (name.length <= COMMON_NAME_MAX)
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name.data,
                                   (int)name.length, -1, 0);
}

static X509_REQ *request_of(EVP_PKEY *key, const struct text *names, unsigned count)
{
    X509_REQ *request = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    check(request != NULL && extensions != NULL);
    X509_EXTENSION *extension = names_extension(names, count);
    bool made = extension != NULL && sk_X509_EXTENSION_push(extensions, extension) > 0;
    set_common_name(X509_REQ_get_subject_name(request), names[0]);
    made = made && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
           X509_REQ_set_pubkey(request, key) == 1 &&
           X509_REQ_add_extensions(request, extensions) == 1 &&
           X509_REQ_sign(request, key, EVP_sha256()) > 0;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    if (made)
        return request;
    X509_REQ_free(request);
    return NULL;
}

enum status tls_certificate_request(const struct text *names, unsigned count, struct text key_pem,
                                    struct buffer *request_pem)
{
    check(count > 0);
    EVP_PKEY *key = tls_read_key(key_pem);
    if (key == NULL)
        return refused("the key is not usable: %s", tls_error_text());
    X509_REQ *request = request_of(key, names, count);
    BIO *bio = memory_new();
    bool made = request != NULL && PEM_write_bio_X509_REQ(bio, request) == 1 &&
                append_bio(bio, request_pem);
    BIO_free(bio);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return made ? OK : refused("cannot make a request: %s", tls_error_text());
}

static X509 *self_signed(EVP_PKEY *key, const struct text *names, unsigned count, unsigned days)
{
    X509 *certificate = X509_new();
    check(certificate != NULL);
    uint64_t serial;
    random_bytes(&serial, sizeof(serial));
    X509_EXTENSION *extension = names_extension(names, count);
    X509_NAME *subject = X509_get_subject_name(certificate);
    set_common_name(subject, names[0]);
    bool made = extension != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * 86400) != NULL &&
                X509_set_pubkey(certificate, key) == 1 &&
                X509_set_issuer_name(certificate, subject) == 1 &&
                X509_add_ext(certificate, extension, -1) == 1 &&
                X509_sign(certificate, key, EVP_sha256()) > 0;
    X509_EXTENSION_free(extension);
    if (made)
        return certificate;
    X509_free(certificate);
    return NULL;
}

enum status tls_certificate_self_sign(const struct text *names, unsigned count, unsigned days,
                                      struct text key_pem, struct buffer *certificate_pem)
{
    check(count > 0);
    EVP_PKEY *key = tls_read_key(key_pem);
    if (key == NULL)
        return refused("the key is not usable: %s", tls_error_text());
    X509 *certificate = self_signed(key, names, count, days);
    BIO *bio = memory_new();
    bool made = certificate != NULL && PEM_write_bio_X509(bio, certificate) == 1 &&
                append_bio(bio, certificate_pem);
    BIO_free(bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made ? OK : refused("cannot make a certificate: %s", tls_error_text());
}

enum status tls_self_sign(const struct text *names, unsigned count, unsigned days,
                          struct buffer *certificate_pem, struct buffer *key_pem)
{
    enum status status = tls_key_make(TLS_KEY_ECDSA, key_pem);
    if (status != OK)
        return status;
    return tls_certificate_self_sign(names, count, days, buffer_text(key_pem), certificate_pem);
}

static struct text name_text(const X509_NAME *name, struct arena *arena)
{
    BIO *bio = memory_new();
    char *data = NULL;
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
    long length = BIO_get_mem_data(bio, &data);
    struct text whole = text_of(data, length > 0 ? (size_t)length : 0);
    struct text copy = arena_copy(arena, text_head(whole, SUBJECT_MAX));
    BIO_free(bio);
    return copy;
}

static struct text key_text(X509 *certificate, struct arena *arena)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    char group[64] = "";
    if (key == NULL)
        return TEXT("unknown");
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        return arena_printf(arena, "RSA %d", EVP_PKEY_get_bits(key));
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                       NULL) == 1)
        return arena_printf(arena, "ECDSA %s", group);
    const char *type = EVP_PKEY_get0_type_name(key);
    return arena_copy(arena, text_from(type == NULL ? "unknown" : type));
}

static int64_t time_ms(const ASN1_TIME *time)
{
    struct tm fields;
    if (time == NULL || ASN1_TIME_to_tm(time, &fields) != 1)
        return 0;
    return (int64_t)timegm(&fields) * SECOND;
}

static bool is_host_name(struct text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~')
            return false;
    return name.length > 0 && name.length <= 255;
}

static void read_names(X509 *certificate, struct arena *arena, struct tls_certificate *out)
{
    struct text *list = arena_array(arena, NAMES_MAX, sizeof(*list));
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS || out->name_count == NAMES_MAX)
            continue;
        struct text text = text_of(ASN1_STRING_get0_data(name->d.dNSName),
                                   (size_t)ASN1_STRING_length(name->d.dNSName));
        if (is_host_name(text))
            list[out->name_count++] = arena_copy(arena, text);
    }
    char common[256] = "";
    if (names == NULL &&
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common,
                                  sizeof(common)) > 0 &&
        is_host_name(text_from(common)))
        list[out->name_count++] = arena_copy(arena, text_from(common));
    GENERAL_NAMES_free(names);
    out->names = list;
}

static void read_one(X509 *certificate, struct arena *arena, struct tls_certificate *out)
{
    unsigned length;
    out->subject = name_text(X509_get_subject_name(certificate), arena);
    out->issuer = name_text(X509_get_issuer_name(certificate), arena);
    out->key = key_text(certificate, arena);
    out->from_ms = time_ms(X509_get0_notBefore(certificate));
    out->until_ms = time_ms(X509_get0_notAfter(certificate));
    out->is_self_signed = X509_self_signed(certificate, 0) == 1;
    read_names(certificate, arena, out);
    X509_digest(certificate, EVP_sha256(), out->fingerprint, &length);
    unsigned char *public = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &public);
    if (size > 0)
        EVP_Digest(public, (size_t)size, out->key_hash, &length, EVP_sha256(), NULL);
    OPENSSL_free(public);
}

enum status tls_certificate_read(struct text pem, struct arena *arena, struct tls_certificate **out,
                                 unsigned *count)
{
    *count = 0;
    STACK_OF(X509) *chain = tls_read_chain(pem);
    if (chain == NULL)
        return refused("the certificate is not usable: %s", tls_error_text());
    unsigned most = (unsigned)sk_X509_num(chain);
    *out = arena_array(arena, most, sizeof(**out));
    while (*count < most) {
        read_one(sk_X509_value(chain, (int)*count), arena, &(*out)[*count]);
        ++*count;
    }
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return OK;
}

bool tls_certificate_is_for(struct text pem, struct text name)
{
    STACK_OF(X509) *chain = tls_read_chain(pem);
    bool is_for = chain != NULL && X509_check_host(sk_X509_value(chain, 0), name.data, name.length,
                                                   X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return is_for;
}

bool tls_certificate_is_known(struct text pem)
{
    STACK_OF(X509) *chain = tls_read_chain(pem);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *verification = X509_STORE_CTX_new();
    check(store != NULL && verification != NULL);
    X509_STORE_set_default_paths(store);
    bool is_known = chain != NULL &&
                    X509_STORE_CTX_init(verification, store, sk_X509_value(chain, 0), chain) == 1 &&
                    X509_verify_cert(verification) == 1;
    X509_STORE_CTX_free(verification);
    X509_STORE_free(store);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return is_known;
}

/* Take out the first that fits: the one of the key, or the issuer of `of`. NULL: there is none. */
static X509 *take(STACK_OF(X509) * from, EVP_PKEY *key, X509 *of)
{
    for (int i = 0; i < sk_X509_num(from); i++) {
        X509 *candidate = sk_X509_value(from, i);
        bool fits = key != NULL ? X509_check_private_key(candidate, key) == 1
                                : X509_check_issued(candidate, of) == X509_V_OK;
        if (fits)
            return sk_X509_delete(from, i);
    }
    return NULL;
}

/* A root that everybody has, or not, is not sent (RFC 8446 4.4.2). */
static bool write_chain(X509 *own, STACK_OF(X509) * others, BIO *bio)
{
    bool written = true;
    X509 *certificate = own;
    for (int depth = 0; written && certificate != NULL && depth < CHAIN_MAX; depth++) {
        bool is_root = X509_self_signed(certificate, 0) == 1;
        if (!is_root || depth == 0)
            written = PEM_write_bio_X509(bio, certificate) == 1;
        X509 *issuer = is_root ? NULL : take(others, NULL, certificate);
        X509_free(certificate);
        certificate = issuer;
    }
    X509_free(certificate);
    return written;
}

static enum status order(STACK_OF(X509) * all, EVP_PKEY *key, struct buffer *out)
{
    X509 *own = take(all, key, NULL);
    ERR_clear_error();
    if (own == NULL)
        return refused(
            "no certificate here belongs to this key; name the one it was requested with");
    BIO *bio = memory_new();
    bool written = write_chain(own, all, bio) && append_bio(bio, out);
    BIO_free(bio);
    return written ? OK : refused("cannot write the chain: %s", tls_error_text());
}

enum status tls_certificate_order(struct text pem, struct text key_pem, struct buffer *out,
                                  unsigned *unused_count)
{
    *unused_count = 0;
    STACK_OF(X509) *all = tls_read_chain(pem);
    if (all == NULL)
        return refused("the certificate is not usable: %s", tls_error_text());
    EVP_PKEY *key = tls_read_key(key_pem);
    enum status status =
        key == NULL ? refused("the key is not usable: %s", tls_error_text()) : order(all, key, out);
    *unused_count = (unsigned)sk_X509_num(all);
    EVP_PKEY_free(key);
    sk_X509_pop_free(all, X509_free);
    return status;
}
