#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"

struct tls_context {
    SSL_CTX *openssl;
    unsigned holders;
    bool is_client, verifies;
};

const char *tls_error_text(void)
{
    static _Thread_local char text[120];
    unsigned long error = ERR_get_error();
    const char *reason = ERR_reason_error_string(error);
    if (reason != NULL)
        snprintf(text, sizeof(text), "%s", reason);
    else if (error != 0)
        ERR_error_string_n(error, text, sizeof(text));
    else
        snprintf(text, sizeof(text), "unknown TLS error");
    ERR_clear_error();
    return text;
}

static struct tls_context *context_new(const SSL_METHOD *method)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    check(context != NULL);
    context->openssl = SSL_CTX_new(method);
    check(context->openssl != NULL);
    context->holders = 1;
    SSL_CTX_set_min_proto_version(context->openssl, TLS1_2_VERSION);
    /* Renegotiation would make a read want to write and doubles as a way to burn our CPU. */
    SSL_CTX_set_options(context->openssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                              SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* 14 KiB instead of 46 for an idle session. */
    SSL_CTX_set_mode(context->openssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                           SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context->openssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context->openssl, 1);
    return context;
}

/* The first certificate is the server's own, the rest its chain. */
static bool use_chain(SSL_CTX *openssl, BIO *pem)
{
    X509 *certificate = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
    if (certificate == NULL)
        return false;
    bool used = SSL_CTX_use_certificate(openssl, certificate) == 1;
    X509_free(certificate);
    while (used && (certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
        used = SSL_CTX_add0_chain_cert(openssl, certificate) == 1;
    if (used)
        ERR_clear_error(); /* reading past the last one is no error */
    return used;
}

static bool use_key(SSL_CTX *openssl, BIO *pem)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
    bool used = key != NULL && SSL_CTX_use_PrivateKey(openssl, key) == 1;
    EVP_PKEY_free(key);
    return used;
}

static BIO *bio_of(struct text text)
{
    check(text.length <= INT32_MAX);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
    check(bio != NULL);
    return bio;
}

enum status tls_server_new(struct text certificate_pem, struct text key_pem,
                           struct tls_context **out)
{
    *out = NULL;
    struct tls_context *context = context_new(TLS_server_method());
    BIO *certificate = bio_of(certificate_pem), *key = bio_of(key_pem);
    enum status status = OK;
    if (!use_chain(context->openssl, certificate))
        status = refused("the certificate is not usable: %s", tls_error_text());
    else if (!use_key(context->openssl, key))
        status = refused("the key is not usable: %s", tls_error_text());
    else if (SSL_CTX_check_private_key(context->openssl) != 1)
        status = refused("the key does not belong to the certificate");
    BIO_free(certificate);
    BIO_free(key);
    if (status == OK)
        *out = context;
    else
        tls_release(&context);
    return status;
}

enum status tls_client_new(bool verify, struct text roots_pem, struct tls_context **out)
{
    struct tls_context *context = context_new(TLS_client_method());
    context->is_client = true;
    context->verifies = verify;
    *out = context;
    if (!verify)
        return OK;
    SSL_CTX_set_verify(context->openssl, SSL_VERIFY_PEER, NULL);
    if (text_is_empty(roots_pem)) {
        SSL_CTX_set_default_verify_paths(context->openssl);
        return OK;
    }
    BIO *pem = bio_of(roots_pem);
    X509 *root;
    while ((root = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context->openssl), root);
        X509_free(root);
    }
    BIO_free(pem);
    ERR_clear_error();
    return OK;
}

struct tls_context *tls_hold(struct tls_context *context)
{
    if (context != NULL)
        context->holders++;
    return context;
}

void tls_release(struct tls_context **context)
{
    struct tls_context *released = *context;
    *context = NULL;
    if (released == NULL || --released->holders > 0)
        return;
    SSL_CTX_free(released->openssl);
    free(released);
}

SSL *tls_session_new(struct tls_context *context, int fd, const char *server_name)
{
    SSL *ssl = SSL_new(context->openssl);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    if (!context->is_client) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    if (server_name == NULL)
        return ssl;
    bool named = SSL_set_tlsext_host_name(ssl, server_name) == 1;
    if (named && context->verifies)
        named = SSL_set1_host(ssl, server_name) == 1;
    if (named)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

static void add_names(X509 *certificate, const struct text *names, unsigned count)
{
    struct buffer value;
    buffer_init(&value, 4096);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(&value, "%sDNS:%.*s", i == 0 ? "" : ",", TEXT_ARG(names[i]));
    buffer_append_byte(&value, '\0');
    check(!value.overflowed);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value.data);
    if (extension != NULL) {
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    buffer_finish(&value);
}

static X509 *self_signed(EVP_PKEY *key, const struct text *names, unsigned count, unsigned days)
{
    X509 *certificate = X509_new();
    check(certificate != NULL);
    uint32_t serial;
    random_bytes(&serial, sizeof(serial));
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)(serial | 1));
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)names[0].data,
                               (int)names[0].length, -1, 0);
    X509_set_issuer_name(certificate, subject);
    add_names(certificate, names, count);
    if (X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool append_bio(BIO *bio, struct buffer *out)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    return length > 0 && buffer_append(out, text_of(data, (size_t)length));
}

enum status tls_self_sign(const struct text *names, unsigned count, unsigned days,
                          struct buffer *certificate_pem, struct buffer *key_pem)
{
    check(count > 0);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    check(key != NULL);
    X509 *certificate = self_signed(key, names, count, days);
    BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
    bool written = certificate != NULL && PEM_write_bio_X509(certificate_bio, certificate) == 1 &&
                   PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                   append_bio(certificate_bio, certificate_pem) && append_bio(key_bio, key_pem);
    BIO_free(certificate_bio);
    BIO_free(key_bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return written ? OK : refused("cannot make a certificate: %s", tls_error_text());
}
