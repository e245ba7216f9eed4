#include <string.h>

#include "net/stream_internal.h"
#include "net/stream_tls.h"
#include "net/tls_certificate.h"
#include "stream_pair.h"
#include "task/io.h"
#include "test.h"

/* One handshake between two ends, and what each may say of it. */
static struct {
    struct tls_context *server, *client;
    struct stream *near, *far;
    void (*look)(void);
    bool shakes, client_refuses;
    const struct tls_expectation *expected; /* of the client, or NULL */
    enum status result;
} world;

static void far_task(void *unused_argument)
{
    unused(unused_argument);
    if (world.shakes)
        EXPECT((stream_start_tls(world.far, world.server, NULL, NULL) == OK) !=
               world.client_refuses);
}

static void both(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    stream_pair(&world.near, &world.far);
    task_spawn(&group, "far", far_task, NULL);
    if (world.expected != NULL)
        world.result = stream_start_tls_checked(world.near, world.client, world.expected, NULL);
    else if (world.shakes)
        EXPECT(stream_start_tls(world.near, world.client, "mx.example.test", NULL) == OK);
    task_group_wait(&group, NO_DEADLINE);
    world.look();
    stream_close(&world.near);
    stream_close(&world.far);
    task_group_finish(&group);
}

static void shake_hands(bool verify, void (*look)(void))
{
    struct buffer certificate, key;
    buffer_init(&certificate, 65536);
    buffer_init(&key, 65536);
    struct text names[] = {TEXT("mx.example.test")};
    EXPECT(tls_self_sign(names, 1, 30, &certificate, &key) == OK);
    EXPECT(tls_server_new(buffer_text(&certificate), buffer_text(&key), &world.server) == OK);
    EXPECT(tls_client_new(verify, buffer_text(&certificate), &world.client) == OK);
    world.look = look;
    world.shakes = true;
    task_loop_run(both, NULL);
    tls_release(&world.server);
    tls_release(&world.client);
    buffer_finish(&certificate);
    buffer_finish(&key);
}

static void compare_bindings(void)
{
    unsigned char near[TLS_EXPORTER_BYTES], far[TLS_EXPORTER_BYTES];
    EXPECT(stream_tls_exporter(world.near, near) && stream_tls_exporter(world.far, far));
    EXPECT(memcmp(near, far, sizeof(near)) == 0);
    unsigned char end_near[TLS_END_POINT_MAX], end_far[TLS_END_POINT_MAX];
    EXPECT(stream_tls_server_end_point(world.near, end_near) == 32);
    EXPECT(stream_tls_server_end_point(world.far, end_far) == 32);
    EXPECT(memcmp(end_near, end_far, 32) == 0);
    EXPECT(memcmp(end_near, near, 32) != 0);
}

TEST("both ends of a session have the same channel bindings")
{
    shake_hands(false, compare_bindings);
}

/* What is not ready is not read from: the next wait begins without a look. */
static void read_a_record(void)
{
    struct text line;
    for (int i = 0; i < 2; i++) {
        stream_write(world.near, TEXT("NOOP\r\n"));
        EXPECT(stream_flush(world.near) == OK);
        EXPECT(stream_read_line(world.far, 512, &line) == OK);
        EXPECT_TEXT(line, "NOOP\r\n");
        EXPECT((world.far->io.ready & TASK_READ) == 0);
    }
    EXPECT(!stream_has_input(world.far));
    stream_write(world.near, TEXT("QUIT\r\n"));
    EXPECT(stream_flush(world.near) == OK);
    while ((world.far->io.ready & TASK_READ) == 0)
        task_yield();
    EXPECT(stream_has_input(world.far));
}

TEST("a record is taken with one read")
{
    shake_hands(false, read_a_record);
}

static void look_at_peers(void)
{
    struct arena arena;
    struct tls_peer peer;
    arena_init(&arena);
    EXPECT(stream_tls_peer(world.near, &arena, &peer));
    EXPECT(peer.is_verified);
    EXPECT_TEXT(peer.common_name, "mx.example.test");
    EXPECT_TEXT(peer.subject, "CN=mx.example.test");
    EXPECT(peer.mail_count == 0);
    EXPECT(peer.der.length > 100);
    /* The signature is by SHA-256, so this is the end-point binding too. */
    unsigned char end[TLS_END_POINT_MAX];
    EXPECT(stream_tls_server_end_point(world.near, end) == sizeof(peer.fingerprint));
    EXPECT(memcmp(end, peer.fingerprint, sizeof(peer.fingerprint)) == 0);
    EXPECT(!stream_tls_peer(world.far, &arena, &peer));
    arena_finish(&arena);
}

TEST("a peer's certificate is told with its names; who showed none has none")
{
    shake_hands(true, look_at_peers);
}

static void look_at_unverified(void)
{
    struct arena arena;
    struct tls_peer peer;
    arena_init(&arena);
    EXPECT(stream_tls_peer(world.near, &arena, &peer));
    EXPECT(!peer.is_verified);
    arena_finish(&arena);
}

TEST("a certificate that nobody checked is not called verified")
{
    shake_hands(false, look_at_unverified);
}

static void look_at_nothing(void)
{
    struct arena arena;
    struct tls_peer peer;
    unsigned char bytes[TLS_END_POINT_MAX];
    arena_init(&arena);
    EXPECT(!stream_tls_exporter(world.near, bytes));
    EXPECT(stream_tls_server_end_point(world.near, bytes) == 0);
    EXPECT(!stream_tls_peer(world.near, &arena, &peer));
    arena_finish(&arena);
}

TEST("a plain stream has no bindings and no certificate")
{
    world.shakes = false;
    world.look = look_at_nothing;
    task_loop_run(both, NULL);
}

static void look_at_proof(void)
{
    EXPECT(world.result == OK);
    EXPECT(stream_tls_checked(world.near) == TLS_CHECK_DANE);
    EXPECT_TEXT(text_from(stream_tls_doubt(world.near)), "");
}

static void look_at_refusal(void)
{
    EXPECT(world.result == TRY_LATER);
    EXPECT(stream_tls_checked(world.near) == TLS_CHECK_NONE);
    EXPECT(strstr(stream_tls_doubt(world.near), "no matching DANE TLSA records") != NULL);
}

TEST("a key that a TLSA record names is proof, whatever name and authority the certificate has")
{
    struct buffer certificate, key;
    struct arena arena;
    struct tls_certificate *list;
    unsigned count;
    struct text name = TEXT("quite.other.test");
    buffer_init(&certificate, 65536);
    buffer_init(&key, 65536);
    arena_init(&arena);
    EXPECT(tls_self_sign(&name, 1, 30, &certificate, &key) == OK);
    EXPECT(tls_certificate_read(buffer_text(&certificate), &arena, &list, &count) == OK);
    EXPECT(tls_server_new(buffer_text(&certificate), buffer_text(&key), &world.server) == OK);
    EXPECT(tls_client_new(false, TEXT(""), &world.client) == OK);
    struct tls_tlsa record = {3, 1, 1, text_of(list[0].key_hash, sizeof(list[0].key_hash))};
    struct tls_expectation expected = {.server_name = "mx.example.test",
                                       .check = TLS_CHECK_DANE,
                                       .records = &record,
                                       .record_count = 1};
    world.shakes = true;
    world.expected = &expected;
    world.look = look_at_proof;
    task_loop_run(both, NULL);
    list[0].key_hash[0] ^= 1;
    world.client_refuses = true;
    world.look = look_at_refusal;
    task_loop_run(both, NULL);
    world.expected = NULL;
    world.client_refuses = false;
    tls_release(&world.server);
    tls_release(&world.client);
    buffer_finish(&certificate);
    buffer_finish(&key);
    arena_finish(&arena);
}
