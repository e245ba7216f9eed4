/* URLs of messages. What is read is written again from its parts, encoded anew, and reads as the
 * same; the rump and what follows it are the URL. */
#include "base/buffer.h"
#include "base/check.h"
#include "base/clock.h"
#include "proto/imap/message/imap_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_encoded(struct buffer *out, struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        buffer_printf(out, "%%%02X", (unsigned char)text.data[i]);
}

static void put_path(struct buffer *out, const struct imap_url *url)
{
    buffer_append_byte(out, '/');
    put_encoded(out, url->mailbox);
    if (url->validity != 0)
        buffer_printf(out, ";UIDVALIDITY=%u", url->validity);
    buffer_printf(out, "/;UID=%u", url->uid);
    if (url->section.length > 0) {
        buffer_append(out, TEXT("/;SECTION="));
        put_encoded(out, url->section);
    }
    if (url->is_partial)
        buffer_printf(out, "/;PARTIAL=%llu.%u", (unsigned long long)url->offset, url->length);
}

static void expect_same_path(const struct imap_url *a, const struct imap_url *b)
{
    check(text_equals(a->mailbox, b->mailbox) && text_equals(a->section, b->section));
    check(a->validity == b->validity && a->uid == b->uid && a->is_partial == b->is_partial);
    check(a->offset == b->offset && a->length == b->length);
}

static void put_whole(struct buffer *out, const struct imap_full_url *url)
{
    static const char *const accesses[] = {
        [IMAP_URL_ACCESS_SUBMIT] = "submit+",
        [IMAP_URL_ACCESS_USER] = "user+",
        [IMAP_URL_ACCESS_AUTHUSER] = "authuser",
        [IMAP_URL_ACCESS_ANONYMOUS] = "anonymous",
    };
    char date[CLOCK_TEXT_BYTES];
    buffer_append(out, TEXT("imap://"));
    put_encoded(out, url->user);
    buffer_printf(out, "@%.*s", TEXT_ARG(url->host));
    put_path(out, &url->message);
    if (url->access == IMAP_URL_ACCESS_NONE)
        return;
    if (url->expires_ms != INT64_MAX)
        buffer_printf(out, ";EXPIRE=%s", clock_rfc3339(url->expires_ms, date));
    buffer_printf(out, ";URLAUTH=%s", accesses[url->access]);
    put_encoded(out, url->access_user);
    if (url->mechanism.length == 0)
        return;
    buffer_append_byte(out, ':');
    buffer_append(out, url->mechanism);
    buffer_append_byte(out, ':');
    buffer_append(out, url->token);
}

static void try_whole(struct text text, struct arena *arena, struct buffer *out)
{
    struct imap_full_url url, again;
    if (!imap_full_url_read(text, arena, &url))
        return;
    size_t behind = url.mechanism.length + url.token.length + 2;
    check(url.rump.data == text.data);
    check(url.rump.length + (url.mechanism.length > 0 ? behind : 0) == text.length);
    check((url.mechanism.length > 0) == (url.token.length > 0));
    put_whole(out, &url);
    check(!out->overflowed && imap_full_url_read(buffer_text(out), arena, &again));
    expect_same_path(&url.message, &again.message);
    check(text_equals(url.user, again.user) && text_equals(url.host, again.host));
    check(url.access == again.access && text_equals(url.access_user, again.access_user));
    check(url.expires_ms == again.expires_ms && text_equals(url.token, again.token));
    check(text_equals(url.mechanism, again.mechanism));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text text = text_of(data, size);
    struct imap_url url, again;
    struct buffer out;
    struct arena arena;
    arena_init(&arena);
    buffer_init(&out, 3 * size + 256);
    if (imap_url_read(text, &arena, &url)) {
        put_path(&out, &url);
        check(!out.overflowed && imap_url_read(buffer_text(&out), &arena, &again));
        expect_same_path(&url, &again);
    }
    buffer_reset(&out, 3 * size + 256);
    try_whole(text, &arena, &out);
    buffer_finish(&out);
    arena_finish(&arena);
    return 0;
}
