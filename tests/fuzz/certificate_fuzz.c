/* Certificates that an administrator imports: PEM in any order, with a key among them. Oracle: what
 * is put in order is a chain that a server can serve with that key, and reads back with its own
 * certificate first. */
#include "base/check.h"
#include "net/tls_certificate.h"

static void expect_served(struct text pem, struct text chain)
{
    struct tls_context *context = NULL;
    struct arena arena;
    struct tls_certificate *list;
    unsigned count;
    arena_init(&arena);
    check(tls_certificate_read(chain, &arena, &list, &count) == OK && count > 0);
    /* OpenSSL may find the key too weak to serve, but never that it belongs to another. */
    if (tls_server_new(chain, pem, &context) != OK)
        check(text_find_text(text_from(fail_reason()), TEXT("does not belong")) ==
              text_from(fail_reason()).length);
    tls_release(&context);
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text pem = text_of(data, size);
    struct arena arena;
    struct tls_certificate *list;
    struct buffer chain;
    unsigned count, unused_count;
    arena_init(&arena);
    buffer_init(&chain, 1 << 20);
    if (tls_certificate_read(pem, &arena, &list, &count) == OK) {
        check(count > 0);
        tls_certificate_is_for(pem, TEXT("mx.example.test"));
    }
    if (tls_certificate_order(pem, pem, &chain, &unused_count) == OK)
        expect_served(pem, buffer_text(&chain));
    buffer_finish(&chain);
    arena_finish(&arena);
    return 0;
}
