#include "mail/convert.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "convert_oracle.h"
#include "mail/transfer_encoding.h"
#include "test.h"

static struct buffer result;

static enum status convert(struct text message, enum mime_encoding holds, enum mime_encoding takes,
                           bool *needed, const char **code)
{
    buffer_finish(&result);
    buffer_init(&result, 64 << 20);
    return oracle_convert(message, holds, takes, 0, needed, code, &result);
}

/* For a 7-bit hop. */
static void expect_converted(struct text message, const char *expected)
{
    bool needed;
    const char *code;
    EXPECT(convert(message, MIME_8BIT, MIME_7BIT, &needed, &code) == OK && needed);
    EXPECT_TEXT(buffer_text(&result), expected);
    oracle_expect_same(message, buffer_text(&result));
}

static void expect_untouched(struct text message, enum mime_encoding holds,
                             enum mime_encoding takes)
{
    bool needed;
    const char *code;
    EXPECT(convert(message, holds, takes, &needed, &code) == OK && !needed);
}

static void expect_refused(struct text message, const char *expected)
{
    bool needed;
    const char *code;
    EXPECT(convert(message, MIME_8BIT, MIME_7BIT, &needed, &code) == REFUSED);
    EXPECT_TEXT(text_from(code), expected);
}

/* shows: V26 */
TEST("8-bit text becomes quoted-printable, and its header says so")
{
    expect_converted(TEXT("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                          "Content-Transfer-Encoding:\r\n 8bit\r\nSubject: x\r\n\r\n"
                          "gr\xc3\xbc\xc3\x9f Gott \r\nand a = sign\r\n-- \r\nme\r\n"),
                     "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                     "gr=C3=BC=C3=9F Gott=20\r\nand a =3D sign\r\n=2D-=20\r\nme\r\n");
}

TEST("8-bit bytes that are no text, and text that is mostly 8-bit, become base64")
{
    expect_converted(TEXT("MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n"),
                     "MIME-Version: 1.0\r\nContent-Type: image/png\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\niVBORw0K\r\n");
    expect_converted(TEXT("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n"
                          "\xc1\xc2\xc3\xc4\r\n"),
                     "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=koi8-r\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\nwcLDxA0K\r\n");
}

TEST("only the parts that need it are changed, and labels stay true")
{
    expect_converted(
        TEXT("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
             "Content-Transfer-Encoding: 8bit\r\n\r\npreamble\r\n--b\r\n\r\nplain\r\n"
             "--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nalso plain\r\n"
             "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
             "Subject: inner\r\n\r\nabcd\xfc\r\n--b--\r\nepilogue\r\n"),
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        "Content-Transfer-Encoding: 7bit\r\n\r\npreamble\r\n--b\r\n\r\nplain\r\n"
        "--b\r\nContent-Transfer-Encoding: 7bit\r\n\r\nalso plain\r\n"
        "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        "Subject: inner\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nabcd=FC\r\n"
        "--b--\r\nepilogue\r\n");
}

TEST("what was sent without MIME is labelled as RFC 1428 says")
{
    expect_converted(TEXT("Subject: x\r\n\r\nabcde\xfc\r\n"),
                     "Subject: x\r\nMIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=unknown-8bit\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n\r\nabcde=FC\r\n");
}

TEST("nothing is touched when nothing has to be")
{
    struct text long_line = TEXT("Content-Transfer-Encoding: 8bit\r\n\r\nall of it is ASCII\r\n");
    expect_untouched(long_line, MIME_8BIT, MIME_7BIT);
    expect_untouched(TEXT("\r\n\xfc\r\n"), MIME_BINARY, MIME_8BIT);
    expect_untouched(TEXT(""), MIME_BINARY, MIME_7BIT);
}

TEST("binary parts are encoded for a hop without BINARYMIME, 8-bit ones stay")
{
    struct text message = TEXT("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
                               "Content-Transfer-Encoding: binary\r\n\r\n"
                               "--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xfc\xdf\r\n"
                               "--b\r\nContent-Transfer-Encoding: binary\r\n"
                               "Content-Type: application/x\r\n\r\n\0\r\n\n\r--b\r\n--b--\r\n");
    bool needed;
    const char *code;
    EXPECT(convert(message, MIME_BINARY, MIME_8BIT, &needed, &code) == OK && needed);
    EXPECT_TEXT(buffer_text(&result),
                "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
                "Content-Transfer-Encoding: 8bit\r\n\r\n"
                "--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xfc\xdf\r\n"
                "--b\r\nContent-Type: application/x\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\nAA0KCg0tLWI=\r\n--b--\r\n");
    oracle_expect_same(message, buffer_text(&result));
}

TEST("long lines are mended when a message is converted anyway")
{
    struct buffer message;
    bool needed;
    const char *code;
    buffer_init(&message, 10000);
    buffer_printf(&message,
                  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                  "--b\r\n\r\n%01500d\r\n--b\r\n\r\n\xc3\xbc\r\n--b--\r\n",
                  7);
    EXPECT(convert(buffer_text(&message), MIME_8BIT, MIME_7BIT, &needed, &code) == OK && needed);
    struct text rest = buffer_text(&result), line;
    while (text_split(&rest, '\n', &line))
        EXPECT(line.length <= 79);
    oracle_expect_same(buffer_text(&message), buffer_text(&result));
    buffer_finish(&message);
}

TEST("text around the parts that cannot pass is left out, for no reader shows it")
{
    expect_converted(TEXT("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                          "f\xfcr alte Programme\r\n--b\r\n\r\none\r\n--b--\r\nkept\r\n"),
                     "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                     "\r\n--b\r\n\r\none\r\n--b--\r\n");
}

TEST("a signed part is not changed")
{
    expect_refused(TEXT("Content-Type: multipart/signed; boundary=s\r\n\r\n"
                        "--s\r\n\r\nf\xfcr\r\n--s\r\nContent-Type: application/pgp-signature\r\n"
                        "\r\nx\r\n--s--\r\n"),
                   "5.6.2");
}

TEST("what cannot be encoded is refused")
{
    expect_refused(TEXT("Subject: f\xfcr\r\n\r\nx\r\n"), "5.6.3");
    expect_refused(TEXT("Content-Transfer-Encoding: base64\r\n\r\n\xfc\r\n"), "5.6.3");
    expect_refused(TEXT("Content-Transfer-Encoding: x-uuencode\r\n\r\n\xfc\r\n"), "5.6.3");
    expect_refused(TEXT("Content-Type: multipart/mixed\r\n\r\n\xfc\r\n"), "5.6.3");
    expect_refused(TEXT("Content-Type: multipart/mixed; boundary=b\r\n\r\n\xfc\r\n"), "5.6.3");
    expect_refused(TEXT("Content-Type: message/partial\r\n\r\n\xfc\r\n"), "5.6.3");
    expect_refused(TEXT("Content-Type: multipart/mixed; boundary*=utf-8''%FC\r\n\r\n"
                        "--\xfc\r\n\r\nx\r\n--\xfc--\r\n"),
                   "5.6.3");
}

TEST("a message deeper than any reader looks is refused")
{
    struct buffer message;
    buffer_init(&message, 10000);
    for (int i = 0; i < 102; i++)
        buffer_printf(&message, "Content-Type: message/rfc822\r\n\r\n");
    buffer_printf(&message, "\r\n\xfc\r\n");
    expect_refused(buffer_text(&message), "5.6.3");
    buffer_finish(&message);
}

/* A random message: a tree of parts of all kinds, of random bytes with random labels. */
static void write_tree(struct buffer *out, unsigned depth)
{
    static const char *const types[] = {"text/plain; charset=utf-8", "text/html",
                                        "application/octet-stream", "image/gif"};
    static const char *const labels[] = {"7bit", "8bit", "binary"};
    static const char bytes[] = "ab \t=-.\r\n\r\n\xc3\xbc\xff";
    uint32_t kind = depth > 4 ? 9 : random_below(10);
    if (kind < 3) {
        buffer_printf(out, "Content-Type: multipart/mixed; boundary=\"b%u\"\r\n\r\npreamble\r\n",
                      depth);
        for (uint32_t i = 0, count = 1 + random_below(4); i < count; i++) {
            buffer_printf(out, "--b%u\r\n", depth);
            write_tree(out, depth + 1);
            buffer_printf(out, "\r\n");
        }
        buffer_printf(out, "--b%u--\r\n", depth);
        return;
    }
    if (kind == 3) {
        buffer_printf(out, "Content-Type: message/rfc822\r\n\r\nSubject: inside\r\n");
        return write_tree(out, depth + 1);
    }
    buffer_printf(out, "Content-Type: %s\r\n", types[random_below(4)]);
    if (random_below(3) > 0)
        buffer_printf(out, "Content-Transfer-Encoding: %s\r\n", labels[random_below(3)]);
    buffer_printf(out, "\r\n");
    for (uint32_t i = 0, count = random_below(400); i < count; i++)
        buffer_append_byte(out, bytes[random_below(sizeof(bytes))]);
}

TEST("every leaf of a random message decodes to the same bytes, however it is cut")
{
    struct buffer message, pieces;
    buffer_init(&message, 1 << 20);
    buffer_init(&pieces, 4 << 20);
    unsigned converted = 0;
    for (int i = 0; i < 500; i++) {
        buffer_reset(&message, 1 << 20);
        buffer_printf(&message, "MIME-Version: 1.0\r\n");
        write_tree(&message, 0);
        bool needed, again;
        const char *code;
        enum mime_encoding takes = i % 2 == 0 ? MIME_7BIT : MIME_8BIT;
        if (convert(buffer_text(&message), MIME_BINARY, takes, &needed, &code) != OK || !needed)
            continue;
        converted++;
        oracle_expect_same(buffer_text(&message), buffer_text(&result));
        EXPECT(oracle_convert(buffer_text(&message), MIME_BINARY, takes, 1 + (size_t)i % 50, &again,
                              &code, &pieces) == OK);
        EXPECT(text_equals(buffer_text(&pieces), buffer_text(&result)));
        EXPECT(oracle_convert(buffer_text(&result), MIME_BINARY, takes, 0, &again, &code,
                              &pieces) == OK);
        EXPECT(!again);
    }
    EXPECT(converted > 300);
    buffer_finish(&message);
    buffer_finish(&pieces);
}
