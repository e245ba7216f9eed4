#include "net/stream_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/stream_internal.h"

/* A certificate may name a thousand addresses; nobody's has more than a few. */
enum { MAILS_MAX = 16, NAME_MAX_BYTES = 1024 };

static enum status shake_hands(struct stream *stream)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_do_handshake(stream->ssl);
        if (result == 1)
            return OK;
        if (stream_tls_wait(stream, result, "TLS handshake") != OK)
            return fail_within(TRY_LATER, "TLS");
    }
}

static enum status start_tls(struct stream *stream, struct tls_context *context,
                             const char *protocol, const struct tls_expectation *expected)
{
    if (stream->end != STREAM_OPEN || stream_flush(stream) != OK)
        return try_later("%s", stream_error(stream));
    stream->ssl = tls_session_new(context, stream_bio_new(stream), protocol, expected);
    if (stream->ssl == NULL)
        return stream_fail(stream, STREAM_BROKEN, "TLS: %s", tls_error_text());
    memory_draw(STREAM_TLS_BYTES);
    enum status status = shake_hands(stream);
    /* A handshake goes deep; an idle session should not keep those pages. */
    if (status == OK)
        task_trim_stack();
    return status;
}

static void discard_input(struct stream *stream, size_t *discarded)
{
    if (discarded != NULL)
        *discarded = stream->stop - stream->start;
    stream->start = stream->stop = 0;
}

enum status stream_start_tls(struct stream *stream, struct tls_context *context, const char *name,
                             size_t *discarded)
{
    struct tls_expectation expected = {.server_name = name,
                                       .check = tls_context_verifies(context) ? TLS_CHECK_NAME
                                                                              : TLS_CHECK_NONE};
    discard_input(stream, discarded);
    return start_tls(stream, context, name, &expected);
}

enum status stream_start_tls_checked(struct stream *stream, struct tls_context *context,
                                     const struct tls_expectation *expected, size_t *discarded)
{
    discard_input(stream, discarded);
    return start_tls(stream, context, NULL, expected);
}

bool stream_is_tls(const struct stream *stream)
{
    return stream->ssl != NULL;
}

const char *stream_tls_version(const struct stream *stream)
{
    return stream->ssl == NULL ? "" : SSL_get_version(stream->ssl);
}

const char *stream_tls_cipher(const struct stream *stream)
{
    return stream->ssl == NULL ? "" : SSL_get_cipher_name(stream->ssl);
}

enum tls_check stream_tls_checked(const struct stream *stream)
{
    SSL *ssl = stream->ssl;
    if (ssl == NULL || SSL_get0_peer_certificate(ssl) == NULL ||
        SSL_get_verify_result(ssl) != X509_V_OK)
        return TLS_CHECK_NONE;
    if (SSL_get0_dane_authority(ssl, NULL, NULL) >= 0)
        return TLS_CHECK_DANE;
    return tls_session_has_name(ssl) ? TLS_CHECK_NAME : TLS_CHECK_NONE;
}

const char *stream_tls_doubt(const struct stream *stream)
{
    long result = stream->ssl == NULL ? X509_V_OK : SSL_get_verify_result(stream->ssl);
    return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

bool stream_tls_exporter(const struct stream *stream, unsigned char out[TLS_EXPORTER_BYTES])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    SSL *ssl = stream->ssl;
    if (ssl == NULL)
        return false;
    /* RFC 9266 4.2: before TLS 1.3 the value is unique only with RFC 7627's extension. */
    if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
        return false;
    return SSL_export_keying_material(ssl, out, TLS_EXPORTER_BYTES, label, sizeof(label) - 1, NULL,
                                      0, 0) == 1;
}

/* The first Finished of the handshake: the client's, or the server's when a session was resumed. */
size_t stream_tls_unique(const struct stream *stream, unsigned char out[TLS_END_POINT_MAX])
{
    SSL *ssl = stream->ssl;
    if (ssl == NULL || SSL_version(ssl) != TLS1_2_VERSION || SSL_get_extms_support(ssl) != 1)
        return 0;
    bool server_was_first = SSL_session_reused(ssl) == 1;
    bool was_ours = server_was_first == (SSL_is_server(ssl) == 1);
    size_t length = was_ours ? SSL_get_finished(ssl, out, TLS_END_POINT_MAX)
                             : SSL_get_peer_finished(ssl, out, TLS_END_POINT_MAX);
    return length <= TLS_END_POINT_MAX ? length : 0;
}

/* RFC 5929 4.1: the hash of the signature; SHA-256 where that is MD5 or SHA-1. */
static const EVP_MD *end_point_hash(X509 *certificate)
{
    int hash = NID_undef;
    if (X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) != 1 || hash == NID_undef)
        return NULL;
    if (hash == NID_md5 || hash == NID_sha1 || hash == NID_md5_sha1)
        return EVP_sha256();
    return EVP_get_digestbynid(hash);
}

size_t stream_tls_server_end_point(const struct stream *stream,
                                   unsigned char out[TLS_END_POINT_MAX])
{
    SSL *ssl = stream->ssl;
    /* Of several certificates a resumed session does not tell which one it began with. */
    if (ssl == NULL ||
        (SSL_is_server(ssl) && SSL_session_reused(ssl) == 1 && tls_session_identities(ssl) > 1))
        return 0;
    X509 *certificate = SSL_is_server(ssl) ? SSL_get_certificate(ssl) //
                                           : SSL_get0_peer_certificate(ssl);
    const EVP_MD *hash = certificate == NULL ? NULL : end_point_hash(certificate);
    unsigned length = 0;
    if (hash == NULL || EVP_MD_get_size(hash) > TLS_END_POINT_MAX ||
        X509_digest(certificate, hash, out, &length) != 1)
        return 0;
    return length;
}

static struct text der_of(X509 *certificate, struct arena *arena)
{
    int length = i2d_X509(certificate, NULL);
    if (length <= 0)
        return TEXT("");
    unsigned char *bytes = arena_alloc(arena, (size_t)length), *end = bytes;
    i2d_X509(certificate, &end);
    return text_of(bytes, (size_t)length);
}

static struct text subject_of(X509 *certificate, struct arena *arena)
{
    BIO *bio = BIO_new(BIO_s_mem());
    check(bio != NULL);
    char *data = NULL;
    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    long length = BIO_get_mem_data(bio, &data);
    struct text whole = text_of(data, length > 0 ? (size_t)length : 0);
    struct text subject = arena_copy(arena, text_head(whole, NAME_MAX_BYTES));
    BIO_free(bio);
    return subject;
}

/* A NUL or a control byte inside is a trick on whoever compares or shows it. */
static bool is_plain(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127)
            return false;
    return text.length > 0 && text.length <= NAME_MAX_BYTES;
}

static struct text common_name_of(X509 *certificate, struct arena *arena)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    X509_NAME_ENTRY *entry = at < 0 ? NULL : X509_NAME_get_entry(subject, at);
    unsigned char *utf8 = NULL;
    int length = entry == NULL ? -1 : ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    struct text name = text_of(utf8, length > 0 ? (size_t)length : 0);
    name = is_plain(name) ? arena_copy(arena, name) : TEXT("");
    OPENSSL_free(utf8);
    return name;
}

static void mails_of(X509 *certificate, struct arena *arena, struct tls_peer *out)
{
    STACK_OF(OPENSSL_STRING) *mails = X509_get1_email(certificate);
    int count = mails == NULL ? 0 : sk_OPENSSL_STRING_num(mails);
    struct text *list = arena_array(arena, MAILS_MAX, sizeof(*list));
    for (int i = 0; i < count && out->mail_count < MAILS_MAX; i++) {
        struct text mail = text_from(sk_OPENSSL_STRING_value(mails, i));
        if (is_plain(mail))
            list[out->mail_count++] = arena_copy(arena, mail);
    }
    X509_email_free(mails);
    out->mails = list;
}

bool stream_tls_has_peer(const struct stream *stream)
{
    SSL *ssl = stream->ssl;
    return ssl != NULL && SSL_get0_peer_certificate(ssl) != NULL;
}

bool stream_tls_peer(const struct stream *stream, struct arena *arena, struct tls_peer *out)
{
    *out = (struct tls_peer){0};
    SSL *ssl = stream->ssl;
    X509 *certificate = ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
    if (certificate == NULL)
        return false;
    out->is_verified =
        SSL_get_verify_result(ssl) == X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
    out->der = der_of(certificate, arena);
    out->subject = subject_of(certificate, arena);
    out->common_name = common_name_of(certificate, arena);
    mails_of(certificate, arena, out);
    unsigned length = 0;
    return X509_digest(certificate, EVP_sha256(), out->fingerprint, &length) == 1 &&
           length == TLS_FINGERPRINT_BYTES;
}
