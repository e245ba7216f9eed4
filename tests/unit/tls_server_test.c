#include <openssl/ssl.h>
#include <string.h>

#include "net/stream_internal.h"
#include "net/stream_tls.h"
#include "net/tls_certificate.h"
#include "stream_pair.h"
#include "test.h"

/* Servers with several certificates and wishes, seen by a client that is OpenSSL alone, so that it
 * can ask for what ours never does. */

enum { PEM_MAX = 65536, PAIRS = 6 };

static struct {
    struct buffer certificates[PAIRS], keys[PAIRS];
    struct tls_pair pairs[PAIRS];
    struct tls_server_options options;
    struct tls_context *server;
    const char *protocol;
    SSL_CTX *client;
    const char *name;     /* SNI */
    SSL_SESSION *session; /* to be resumed; replaced by what the server gives */
    /* What came of it. */
    bool client_done, server_done, resumed;
    char common_name[100], alpn[20], server_error[200];
    struct stream *near, *far;
    bool has_peer, peer_is_verified;
} world;

static void make_pair(unsigned place, const char *name, const char *other, enum tls_key_kind kind)
{
    buffer_init(&world.certificates[place], PEM_MAX);
    buffer_init(&world.keys[place], PEM_MAX);
    struct text names[] = {text_from(name), text_from(other)};
    EXPECT(tls_key_make(kind, &world.keys[place]) == OK);
    EXPECT(tls_certificate_self_sign(names, other == NULL ? 1 : 2, 30,
                                     buffer_text(&world.keys[place]),
                                     &world.certificates[place]) == OK);
    world.pairs[place] =
        (struct tls_pair){buffer_text(&world.certificates[place]), buffer_text(&world.keys[place])};
}

static void begin(void)
{
    memset(&world, 0, sizeof(world));
    world.client = SSL_CTX_new(TLS_client_method());
    world.options.pairs = world.pairs;
    world.options.scope = TEXT("test");
    world.protocol = "smtp";
    make_pair(0, "mx.example.test", NULL, TLS_KEY_ECDSA);
    world.options.pair_count = 1;
}

static void end(void)
{
    tls_release(&world.server);
    SSL_CTX_free(world.client);
    SSL_SESSION_free(world.session);
    for (unsigned i = 0; i < PAIRS; i++) {
        buffer_finish(&world.certificates[i]);
        buffer_finish(&world.keys[i]);
    }
}

static void serve(void *unused_argument)
{
    unused(unused_argument);
    struct arena arena;
    struct tls_peer peer;
    arena_init(&arena);
    world.server_done = stream_start_tls(world.far, world.server, world.protocol, NULL) == OK;
    snprintf(world.server_error, sizeof(world.server_error), "%s", stream_error(world.far));
    world.has_peer = stream_tls_peer(world.far, &arena, &peer);
    world.peer_is_verified = world.has_peer && peer.is_verified;
    if (world.server_done) {
        stream_write(world.far, TEXT("hello\r\n"));
        stream_flush(world.far);
    }
    stream_end_output(world.far);
    arena_finish(&arena);
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    unused(ssl);
    SSL_SESSION_free(world.session);
    world.session = session;
    return 1;
}

/* Our stream waits and reads for OpenSSL, on a session that is not of our making. */
static void ask(void)
{
    SSL *ssl = SSL_new(world.client);
    SSL_CTX_set_session_cache_mode(world.client, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(world.client, keep_session);
    SSL_set_fd(ssl, world.near->io.fd);
    SSL_set_connect_state(ssl);
    if (world.name != NULL)
        SSL_set_tlsext_host_name(ssl, world.name);
    if (world.session != NULL)
        SSL_set_session(ssl, world.session);
    world.near->ssl = ssl;
    int result;
    while ((result = SSL_do_handshake(ssl)) != 1)
        if (stream_tls_wait(world.near, result, "TLS handshake") != OK)
            return;
    struct text line;
    world.client_done = stream_read_line(world.near, 100, &line) == OK;
    world.resumed = SSL_session_reused(ssl) == 1;
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl)), NID_commonName,
                              world.common_name, sizeof(world.common_name));
    const unsigned char *alpn;
    unsigned length;
    SSL_get0_alpn_selected(ssl, &alpn, &length);
    snprintf(world.alpn, sizeof(world.alpn), "%.*s", (int)length, (const char *)alpn);
}

static void both(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    stream_pair(&world.near, &world.far);
    task_spawn(&group, "serve", serve, NULL);
    ask();
    stream_close(&world.near);
    task_group_wait(&group, NO_DEADLINE);
    stream_close(&world.far);
    task_group_finish(&group);
}

static void open_server(void)
{
    tls_release(&world.server);
    if (tls_server_open(&world.options, &world.server) != OK)
        fail_msg("%s", fail_reason());
}

static void shake_hands(void)
{
    world.client_done = world.server_done = world.resumed = false;
    task_loop_run(both, NULL);
}

static void forget_session(void)
{
    SSL_SESSION_free(world.session);
    world.session = NULL;
}

static void expect_certificate(const char *name, const char *common_name)
{
    world.name = name;
    forget_session();
    shake_hands();
    EXPECT(world.client_done && world.server_done);
    EXPECT_TEXT(text_from(world.common_name), common_name);
}

/* shows: S11 */
TEST("a client that names a host is shown the certificate for it, others the first")
{
    begin();
    make_pair(1, "mail.other.test", "*.other.test", TLS_KEY_ECDSA);
    make_pair(2, "imap.other.test", NULL, TLS_KEY_ECDSA);
    world.options.pair_count = 3;
    open_server();
    expect_certificate(NULL, "mx.example.test");
    expect_certificate("mx.example.test", "mx.example.test");
    expect_certificate("mail.other.test", "mail.other.test");
    expect_certificate("pop.other.test", "mail.other.test");
    expect_certificate("IMAP.other.test", "imap.other.test");
    expect_certificate("a.pop.other.test", "mx.example.test");
    expect_certificate("nobody.test", "mx.example.test");
    end();
}

/* shows: S11 */
TEST("certificates of RSA and ECDSA for one name stand side by side")
{
    begin();
    make_pair(1, "mx.example.test", NULL, TLS_KEY_RSA);
    world.options.pair_count = 2;
    open_server();
    SSL_CTX_set1_sigalgs_list(world.client, "RSA-PSS+SHA256:RSA+SHA256");
    expect_certificate("mx.example.test", "mx.example.test");
    expect_certificate(NULL, "mx.example.test");
    SSL_CTX_set1_sigalgs_list(world.client, "ECDSA+SHA256");
    expect_certificate("mx.example.test", "mx.example.test");
    end();
}

/* shows: S13 */
TEST("a server that wants 256 bits takes no cipher of 128")
{
    begin();
    world.options.only_256 = true;
    open_server();
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_min_proto_version(world.client, version);
        SSL_CTX_set_max_proto_version(world.client, version);
        SSL_CTX_set_cipher_list(world.client, "ECDHE-ECDSA-AES128-GCM-SHA256");
        SSL_CTX_set_ciphersuites(world.client, "TLS_AES_128_GCM_SHA256");
        shake_hands();
        EXPECT(!world.client_done && !world.server_done);
        EXPECT(strstr(world.server_error, "no shared cipher") != NULL);
        EXPECT(strstr(world.server_error, "handshake failure") != NULL);
        SSL_CTX_set_cipher_list(world.client, "ECDHE-ECDSA-AES256-GCM-SHA384");
        SSL_CTX_set_ciphersuites(world.client, "TLS_AES_256_GCM_SHA384");
        shake_hands();
        EXPECT(world.client_done);
    }
    end();
}

TEST("a server whose minimum is 1.3 does not speak 1.2, and none speaks 1.1")
{
    begin();
    open_server();
    SSL_CTX_set_max_proto_version(world.client, TLS1_2_VERSION);
    shake_hands();
    EXPECT(world.client_done);
    world.options.only_1_3 = true;
    open_server();
    shake_hands();
    EXPECT(!world.client_done && strstr(world.server_error, "unsupported protocol") != NULL);
    world.options.only_1_3 = false;
    open_server();
    SSL_CTX_set_security_level(world.client, 0);
    SSL_CTX_set_min_proto_version(world.client, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(world.client, TLS1_1_VERSION);
    shake_hands();
    EXPECT(!world.client_done && !world.server_done);
    end();
}

TEST("who asks by ALPN for our protocol gets it, who asks for others alone is refused")
{
    begin();
    open_server();
    SSL_CTX_set_alpn_protos(world.client, (const unsigned char *)"\x02h2\x04smtp", 8);
    shake_hands();
    EXPECT(world.client_done);
    EXPECT_TEXT(text_from(world.alpn), "smtp");
    SSL_CTX_set_alpn_protos(world.client, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    shake_hands();
    EXPECT(!world.client_done && strstr(world.server_error, "no application protocol") != NULL);
    end();
}

TEST("a session begun with one server is resumed by another that has its ticket keys")
{
    char ring[2 * TLS_TICKET_KEY_BYTES];
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        begin();
        SSL_CTX_set_min_proto_version(world.client, version);
        SSL_CTX_set_max_proto_version(world.client, version);
        struct tls_tickets *one = tls_tickets_new(), *other = tls_tickets_new();
        memset(ring, 'a', sizeof(ring));
        EXPECT(tls_tickets_set(one, text_of(ring, TLS_TICKET_KEY_BYTES)) == OK);
        world.options.tickets = one;
        open_server();
        shake_hands();
        EXPECT(world.client_done && !world.resumed && world.session != NULL);
        world.options.tickets = other;
        open_server();
        unsigned char *bytes = NULL;
        const unsigned char *rest;
        int length = i2d_SSL_SESSION(world.session, &bytes);
        shake_hands(); /* it has keys of its own */
        EXPECT(world.client_done && !world.resumed);
        /* The keys turned: what sealed before still opens. */
        memset(ring, 'b', TLS_TICKET_KEY_BYTES);
        EXPECT(tls_tickets_set(other, text_of(ring, sizeof(ring))) == OK);
        forget_session();
        rest = bytes;
        world.session = d2i_SSL_SESSION(NULL, &rest, length);
        OPENSSL_free(bytes);
        shake_hands();
        EXPECT(world.client_done && world.resumed);
        EXPECT(tls_tickets_set(other, text_of(ring, 79)) == REFUSED);
        end();
        tls_tickets_free(&one);
        tls_tickets_free(&other);
    }
}

TEST("a session is not resumed by a server that asks for more")
{
    begin();
    struct tls_tickets *tickets = tls_tickets_new();
    world.options.tickets = tickets;
    open_server();
    shake_hands();
    EXPECT(world.client_done && world.session != NULL);
    world.options.ask = TLS_ASK_REQUIRED;
    world.options.authorities_pem = world.pairs[0].certificate_pem;
    open_server();
    shake_hands();
    EXPECT(!world.server_done);
    EXPECT(strstr(world.server_error, "peer did not return a certificate") != NULL);
    end();
    tls_tickets_free(&tickets);
}

static void show_client_certificate(unsigned place)
{
    forget_session();
    STACK_OF(X509) *chain = tls_read_chain(world.pairs[place].certificate_pem);
    EVP_PKEY *key = tls_read_key(world.pairs[place].key_pem);
    EXPECT(SSL_CTX_use_certificate(world.client, sk_X509_value(chain, 0)) == 1);
    EXPECT(SSL_CTX_use_PrivateKey(world.client, key) == 1);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
}

TEST("a client's certificate is asked for, and told from one that verifies")
{
    begin();
    make_pair(1, "alice", NULL, TLS_KEY_ECDSA);
    make_pair(2, "mallory", NULL, TLS_KEY_ECDSA);
    world.options.ask = TLS_ASK_OPTIONAL;
    world.options.authorities_pem = world.pairs[1].certificate_pem;
    open_server();
    shake_hands();
    EXPECT(world.client_done && !world.has_peer);
    show_client_certificate(1);
    shake_hands();
    EXPECT(world.client_done && world.has_peer && world.peer_is_verified);
    show_client_certificate(2);
    shake_hands();
    EXPECT(world.client_done && world.has_peer && !world.peer_is_verified);
    world.options.ask = TLS_ASK_REQUIRED;
    open_server();
    shake_hands();
    EXPECT(!world.server_done);
    show_client_certificate(1);
    shake_hands();
    EXPECT(world.client_done && world.peer_is_verified);
    end();
}

TEST("a client's alert is told in words")
{
    begin();
    open_server();
    SSL_CTX_set_verify(world.client, SSL_VERIFY_PEER, NULL);
    shake_hands();
    EXPECT(strstr(world.server_error, "the peer sent the alert 'unknown CA'") != NULL);
    end();
}

TEST("keys and certificates that can't be served are refused when they are read")
{
    begin();
    make_pair(1, "mx.example.test", NULL, TLS_KEY_ECDSA);
    struct tls_pair good = world.pairs[0];
    struct {
        struct tls_pair pair;
        const char *reason;
    } cases[] = {
        {{good.certificate_pem, world.pairs[1].key_pem}, "the key does not belong"},
        {{good.key_pem, good.key_pem}, "the certificate is not usable"},
        {{good.certificate_pem, good.certificate_pem}, "the key is not usable"},
        {{text_head(good.certificate_pem, 200), good.key_pem}, "the certificate is not usable"},
        {{TEXT(""), good.key_pem}, "the certificate is not usable"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world.pairs[0] = cases[i].pair;
        EXPECT(tls_server_open(&world.options, &world.server) == REFUSED);
        if (strstr(fail_reason(), cases[i].reason) == NULL)
            fail_msg("case %zu: %s", i, fail_reason());
    }
    world.pairs[0] = good;
    world.pairs[1] = cases[0].pair;
    world.options.pair_count = 2;
    EXPECT(tls_server_open(&world.options, &world.server) == REFUSED);
    EXPECT(strncmp(fail_reason(), "certificate 2: ", 15) == 0);
    end();
}
