/* Mail made up to be searched, and keys to search for. The same in every run: set mail_state first.
 * Include it in one file of a program. */
#ifndef TESTS_UNIT_SEARCHED_MAIL_H
#define TESTS_UNIT_SEARCHED_MAIL_H

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

static uint32_t mail_state;
static unsigned pick(unsigned below)
{
    mail_state = mail_state * 1664525 + 1013904223;
    return (mail_state >> 8) % below;
}

/* Words whose parts occur in each other, in several scripts and forms. */
static const char *const words[] = {
    "alpha",
    "alphabet",
    "bet",
    "ALPHA",
    "gr\xc3\xbc\xc3\x9f"
    "e",
    "GR\xc3\x9c"
    "SSE",
    "stra\xc3\x9f"
    "e",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
    "a",
    "ab",
    "x-y",
    "12345",
    "o'neil",
    "betalphabet",
    "charset",
    "report.pdf",
    "\xef\xac\x81"
    "nd",
};
enum { WORDS = sizeof(words) / sizeof(*words) };

static void put_words(struct buffer *out, unsigned most)
{
    unsigned count = pick(most);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(out, "%s%s", words[pick(WORDS)], pick(6) == 0 ? "\r\n" : " ");
}

static void put_quoted(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++)
        buffer_printf(out, "=%02X", (unsigned char)*text);
}

/* Of which each reader makes what he guesses. */
static const char unnamed[] = "\xf0\xd2\xc9\xd7\xc5\xd4 gr\xfc\xdf";

static void put_part(struct buffer *out)
{
    if (pick(12) == 0) {
        buffer_printf(out, "Content-Type: text/plain\r\n\r\nalpha %s\r\n", unnamed);
        return;
    }
    switch (pick(4)) {
    case 0:
        buffer_append(out, TEXT("Content-Type: text/html; charset=utf-8\r\n\r\n<p>"));
        put_words(out, 20);
        buffer_append(out, TEXT("<b>al</b>pha <script>bet</script></p>\r\n"));
        break;
    case 1:
        buffer_append(out, TEXT("Content-Type: text/plain; charset=utf-8\r\n"
                                "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
        put_quoted(out, words[pick(WORDS)]);
        buffer_append(out, TEXT(" =\r\n"));
        put_quoted(out, words[pick(WORDS)]);
        buffer_append(out, TEXT("\r\n"));
        break;
    case 2:
        buffer_append(out, TEXT("Content-Type: application/pdf; name=\"other.bin\"\r\n"
                                "Content-Disposition: attachment; "
                                "filename*=utf-8''gr%C3%BC%C3%9Fe-report.pdf\r\n\r\nalphabet\r\n"));
        break;
    default:
        buffer_append(out, TEXT("Content-Type: text/plain; charset=iso-8859-1\r\n\r\ngr\xfc\xdf"
                                "e "));
        put_words(out, 20);
        buffer_append(out, TEXT("\r\n"));
    }
}

static void make_message(struct buffer *out)
{
    buffer_append(out, TEXT("From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <alpha@bet.example>\r\nSubject: "));
    buffer_printf(out, "%s %s\r\n", words[pick(2)], pick(12) == 0 ? unnamed : words[pick(4)]);
    if (pick(3) == 0)
        buffer_append(out, TEXT("X-Odd: \r\n folded alpha\r\n"));
    buffer_append(out, TEXT("MIME-Version: 1.0\r\n"));
    if (pick(3) == 0) {
        put_part(out);
        return;
    }
    buffer_append(out, TEXT("Content-Type: multipart/mixed; boundary=b\r\n\r\n"));
    for (unsigned parts = pick(4); parts > 0; parts--) {
        buffer_append(out, TEXT("--b\r\n"));
        put_part(out);
    }
    buffer_append(out, TEXT("--b--\r\n"));
}

#endif
