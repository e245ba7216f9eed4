#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* Two hours: as long as a ticket's keys are kept, see main/ticket_keys.c. */
enum { SESSION_SECONDS = 2 * 3600, CIPHERS_TEXT_MAX = 16384 };

struct tls_context {
    SSL_CTX *openssl;
    unsigned holders;
    bool is_client, verifies;
    struct tls_identities *identities; /* server */
    struct tls_tickets *tickets;       /* lent, or NULL */
};

/* The alert that OpenSSL sent last on this thread. It belongs to the call that failed, as its error
 * queue does: both are read before the task can switch. */
static _Thread_local const char *alert_sent;

static void note_alert(const SSL *ssl, int where, int value)
{
    unused(ssl);
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && value >> 8 == SSL3_AL_FATAL)
        alert_sent = SSL_alert_desc_string_long(value);
}

const char *tls_error_text(void)
{
    static _Thread_local char text[140];
    unsigned long error = ERR_get_error();
    const char *reason = ERR_reason_error_string(error);
    int number = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && number > SSL_AD_REASON_OFFSET)
        snprintf(text, sizeof(text), "the peer sent the alert '%s'",
                 SSL_alert_desc_string_long(number - SSL_AD_REASON_OFFSET));
    else if (reason != NULL && alert_sent != NULL)
        snprintf(text, sizeof(text), "%s (told the peer by the alert '%s')", reason, alert_sent);
    else if (reason != NULL)
        snprintf(text, sizeof(text), "%s", reason);
    else if (error != 0)
        ERR_error_string_n(error, text, sizeof(text));
    else
        snprintf(text, sizeof(text), "unknown TLS error");
    ERR_clear_error();
    alert_sent = NULL;
    return text;
}

static struct tls_context *context_new(const SSL_METHOD *method)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    check(context != NULL);
    context->openssl = SSL_CTX_new(method);
    check(context->openssl != NULL);
    context->holders = 1;
    SSL_CTX_set_app_data(context->openssl, context);
    SSL_CTX_set_info_callback(context->openssl, note_alert);
    SSL_CTX_set_min_proto_version(context->openssl, TLS1_2_VERSION);
    /* Renegotiation would make a read want to write and doubles as a way to burn our CPU. */
    SSL_CTX_set_options(context->openssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                              SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* 14 KiB instead of 46 for an idle session. */
    SSL_CTX_set_mode(context->openssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                           SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context->openssl, 1); /* a record by one read, not by two */
    SSL_CTX_set_session_cache_mode(context->openssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context->openssl, 1);
    return context;
}

static BIO *bio_of(struct text text)
{
    check(text.length <= INT32_MAX);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
    check(bio != NULL);
    return bio;
}

STACK_OF(X509) * tls_read_chain(struct text pem)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    check(chain != NULL);
    BIO *bio = bio_of(pem);
    X509 *certificate;
    while ((certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL)
        check(sk_X509_push(chain, certificate) > 0);
    BIO_free(bio);
    /* Reading past the last one is no error; what stands broken between the others is. */
    bool is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (sk_X509_num(chain) > 0 && is_whole) {
        ERR_clear_error();
        return chain;
    }
    sk_X509_pop_free(chain, X509_free);
    return NULL;
}

/* A key behind a password is of no use to a server that starts alone: never ask a terminal. */
static int no_password(char *out, int size, int writing, void *argument)
{
    unused(out);
    unused(size);
    unused(writing);
    unused(argument);
    return -1;
}

EVP_PKEY *tls_read_key(struct text pem)
{
    BIO *bio = bio_of(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    return key;
}

/* Also for authorities that were already in: their doubles are no error. */
static enum status add_authorities(SSL_CTX *openssl, struct text pem, bool announce)
{
    STACK_OF(X509) *list = tls_read_chain(pem);
    if (list == NULL)
        return refused("the authorities' certificates are not usable: %s", tls_error_text());
    for (int i = 0; i < sk_X509_num(list); i++) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(openssl), sk_X509_value(list, i));
        if (announce)
            SSL_CTX_add_client_CA(openssl, sk_X509_value(list, i));
    }
    sk_X509_pop_free(list, X509_free);
    ERR_clear_error();
    return OK;
}

/* An unverified certificate is noted as such, and the handshake goes on. */
static int accept_any(int verified, X509_STORE_CTX *store)
{
    unused(verified);
    unused(store);
    return 1;
}

static enum status ask_clients(SSL_CTX *openssl, const struct tls_server_options *options)
{
    if (options->ask == TLS_ASK_NOTHING)
        return OK;
    bool is_required = options->ask == TLS_ASK_REQUIRED;
    SSL_CTX_set_verify(openssl,
                       SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       is_required ? NULL : accept_any);
    if (text_is_empty(options->authorities_pem))
        return OK;
    return add_authorities(openssl, options->authorities_pem, true);
}

/* Keep of the ciphers OpenSSL has on by default those that are strong enough. */
static void demand_strength(SSL_CTX *openssl, int bits)
{
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(openssl);
    struct buffer old, new;
    buffer_init(&old, CIPHERS_TEXT_MAX);
    buffer_init(&new, CIPHERS_TEXT_MAX);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);
        bool is_new = strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") == 0;
        if (SSL_CIPHER_get_bits(cipher, NULL) >= bits)
            buffer_printf(is_new ? &new : &old, "%s:", SSL_CIPHER_get_name(cipher));
    }
    buffer_append_byte(&old, '\0');
    buffer_append_byte(&new, '\0');
    check(!old.overflowed && !new.overflowed);
    SSL_CTX_set_cipher_list(openssl, old.data);
    SSL_CTX_set_ciphersuites(openssl, new.data);
    buffer_finish(&old);
    buffer_finish(&new);
}

/* SNI (RFC 6066 3) has been read when this is called, before a certificate is chosen. */
static int choose_identity(SSL *ssl, void *argument)
{
    const struct tls_context *context = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    return tls_identities_use(context->identities, name, ssl) ? 1 : 0;
}

/* RFC 7301 3.2: who speaks of other protocols alone has come to the wrong door. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *offered, unsigned length, void *argument)
{
    unused(argument);
    const char *ours = SSL_get_app_data(ssl);
    if (ours == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    for (unsigned at = 0; at < length; at += 1U + offered[at]) {
        if (offered[at] >= length - at)
            break;
        if (offered[at] != strlen(ours) || memcmp(offered + at + 1, ours, offered[at]) != 0)
            continue;
        *out = offered + at + 1;
        *out_length = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void set_scope(SSL_CTX *openssl, const struct tls_server_options *options)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    struct buffer scope;
    buffer_init(&scope, SIZE_MAX);
    buffer_printf(&scope, "%d %d %d %.*s\n", options->only_1_3, options->only_256, options->ask,
                  TEXT_ARG(options->scope));
    buffer_append(&scope, options->authorities_pem);
    check(EVP_Digest(scope.data, scope.length, hash, &length, EVP_sha256(), NULL) == 1);
    SSL_CTX_set_session_id_context(openssl, hash, length);
    buffer_finish(&scope);
}

static enum status try_identities(struct tls_context *context)
{
    SSL *ssl = SSL_new(context->openssl);
    check(ssl != NULL);
    enum status status = tls_identities_try(context->identities, ssl);
    SSL_free(ssl);
    return status;
}

enum status tls_server_open(const struct tls_server_options *options, struct tls_context **out)
{
    *out = NULL;
    struct tls_context *context = context_new(TLS_server_method());
    SSL_CTX *openssl = context->openssl;
    context->tickets = options->tickets;
    if (options->only_1_3)
        SSL_CTX_set_min_proto_version(openssl, TLS1_3_VERSION);
    if (options->only_256)
        demand_strength(openssl, 256);
    SSL_CTX_set_dh_auto(openssl, 1);
    SSL_CTX_set_timeout(openssl, SESSION_SECONDS);
    SSL_CTX_set_alpn_select_cb(openssl, choose_protocol, NULL);
    SSL_CTX_set_cert_cb(openssl, choose_identity, context);
    if (options->tickets != NULL)
        SSL_CTX_set_tlsext_ticket_key_evp_cb(openssl, tls_ticket_key);
    set_scope(openssl, options);
    enum status status =
        tls_identities_new(options->pairs, options->pair_count, &context->identities);
    if (status == OK)
        status = try_identities(context);
    if (status == OK)
        status = ask_clients(openssl, options);
    if (status == OK)
        *out = context;
    else
        tls_release(&context);
    return status;
}

enum status tls_server_new(struct text certificate_pem, struct text key_pem,
                           struct tls_context **out)
{
    struct tls_pair pair = {certificate_pem, key_pem};
    struct tls_server_options options = {.pairs = &pair, .pair_count = 1};
    return tls_server_open(&options, out);
}

enum status tls_client_new(bool verify, struct text roots_pem, struct tls_context **out)
{
    struct tls_context *context = context_new(TLS_client_method());
    context->is_client = true;
    context->verifies = verify;
    *out = context;
    check(SSL_CTX_dane_enable(context->openssl) == 1);
    if (text_is_empty(roots_pem)) {
        SSL_CTX_set_default_verify_paths(context->openssl);
        ERR_clear_error();
        return OK;
    }
    enum status status = add_authorities(context->openssl, roots_pem, false);
    if (status != OK)
        tls_release(out);
    return status;
}

enum status tls_client_identify(struct tls_context *context, const struct tls_pair *pair)
{
    STACK_OF(X509) *chain = tls_read_chain(pair->certificate_pem);
    EVP_PKEY *key = tls_read_key(pair->key_pem);
    X509 *own = chain == NULL ? NULL : sk_X509_shift(chain);
    enum status status = OK;
    if (own == NULL || key == NULL)
        status = refused("the client's %s can't be read", own == NULL ? "certificate" : "key");
    else if (SSL_CTX_use_cert_and_key(context->openssl, own, key, chain, 1) != 1)
        status = refused("the client's certificate can't be used: %s", tls_error_text());
    sk_X509_pop_free(chain, X509_free);
    X509_free(own);
    EVP_PKEY_free(key);
    return status;
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
    tls_identities_free(&released->identities);
    free(released);
}

bool tls_context_verifies(const struct tls_context *context)
{
    return context->verifies;
}

static struct tls_context *context_of(SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

unsigned tls_session_identities(SSL *ssl)
{
    return tls_identities_count(context_of(ssl)->identities);
}

struct tls_tickets *tls_context_tickets(SSL *ssl)
{
    return context_of(ssl)->tickets;
}

bool tls_tlsa_is_usable(const struct tls_tlsa *record)
{
    const unsigned char *bytes = (const unsigned char *)record->data.data;
    long length = (long)record->data.length;
    bool is_whole = false;
    if ((record->usage != 2 && record->usage != 3) || record->selector > 1 || length == 0)
        return false;
    if (record->matching != 0)
        return (record->matching == 1 && length == 32) || (record->matching == 2 && length == 64);
    const unsigned char *end = bytes;
    if (record->selector == 0) {
        X509 *certificate = d2i_X509(NULL, &end, length);
        is_whole = certificate != NULL && end == bytes + length;
        X509_free(certificate);
    } else {
        EVP_PKEY *key = d2i_PUBKEY(NULL, &end, length);
        is_whole = key != NULL && end == bytes + length;
        EVP_PKEY_free(key);
    }
    ERR_clear_error();
    return is_whole;
}

/* RFC 7672 3.1.1: with DANE-EE the name and the dates in the certificate do not matter. */
static bool expect_dane(SSL *ssl, const struct tls_expectation *expected)
{
    unsigned used = 0;
    if (expected->server_name == NULL || SSL_dane_enable(ssl, expected->server_name) != 1)
        return false;
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    if (expected->other_name != NULL && SSL_add1_host(ssl, expected->other_name) != 1)
        return false;
    for (unsigned i = 0; i < expected->record_count; i++) {
        const struct tls_tlsa *record = &expected->records[i];
        if (SSL_dane_tlsa_add(ssl, record->usage, record->selector, record->matching,
                              (const unsigned char *)record->data.data, record->data.length) == 1)
            used++;
    }
    ERR_clear_error();
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return used > 0;
}

bool tls_session_has_name(SSL *ssl)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    char *address = X509_VERIFY_PARAM_get1_ip_asc(parameters);
    bool has_address = address != NULL;
    OPENSSL_free(address);
    return has_address || X509_VERIFY_PARAM_get0_host(parameters, 0) != NULL;
}

static bool expect(SSL *ssl, const struct tls_expectation *expected)
{
    const char *name = expected->server_name;
    if (expected->check == TLS_CHECK_DANE)
        return expect_dane(ssl, expected);
    /* Without a check the name is compared too, for the story. */
    SSL_set_verify(ssl, expected->check == TLS_CHECK_NAME ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                   NULL);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (name == NULL)
        return expected->check == TLS_CHECK_NONE;
    /* RFC 6066 3: no addresses in SNI. */
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1)
        return true;
    ERR_clear_error();
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

SSL *tls_session_new(struct tls_context *context, BIO *transport, const char *protocol,
                     const struct tls_expectation *expected)
{
    SSL *ssl = SSL_new(context->openssl);
    check(ssl != NULL);
    alert_sent = NULL;
    SSL_set_bio(ssl, transport, transport);
    if (!context->is_client) {
        SSL_set_app_data(ssl, (char *)(uintptr_t)protocol);
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    if (expect(ssl, expected))
        return ssl;
    SSL_free(ssl);
    return NULL;
}
