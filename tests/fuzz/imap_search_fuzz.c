/* IMAP SEARCH. The input is what stands behind SEARCH. Oracle: each message is found by the keys or
 * by NOT of them, never by both; OR of a key with itself and its double negation find the same; and
 * RETURN (COUNT) counts what SEARCH lists. */
#include <stdlib.h>

#include "base/clock.h"
#include "imap_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const messages[] = {
    "From: Ann <ann@example.org>\r\nTo: bob@example.test\r\nSubject: one\r\n"
    "Date: Mon, 23 Nov 2026 20:00:00 +0000\r\n\r\nFirst body.\r\n",
    "Subject: =?utf-8?Q?=C3=A9t=C3=A9?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n<b>caf=E9</b>\r\n--b--\r\n",
    "Date: Thu, 1 Jan 1970 00:00:00 -0800\r\nCc: a b <c@d.test>\r\n\r\n",
    "\r\nno header at all\r\n",
};

enum { MESSAGES = sizeof(messages) / sizeof(*messages) };

static void prepare(void)
{
    for (int i = 0; i < MESSAGES; i++)
        world_put("INBOX", text_from(messages[i]));
}

/* One line of keys, whose parentheses and quotes end where they should. */
static bool stands_alone(struct text keys)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < keys.length; i++) {
        char c = keys.data[i];
        if (c == '\r' || c == '\n' || c == '\0' || c == '{' || c == '$')
            return false;
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '(')
            depth++;
        else if (!quoted && c == ')' && depth-- == 0)
            return false;
    }
    return depth == 0 && !quoted;
}

/* The numbers that the untagged answer n (from 0) lists, as bits. */
static unsigned found(const char *heard, unsigned n)
{
    unsigned set = 0;
    for (unsigned i = 0; i <= n; i++) {
        heard = strstr(heard, "* SEARCH");
        check(heard != NULL);
        heard += strlen("* SEARCH");
    }
    char *end;
    for (; *heard == ' '; heard = end) {
        unsigned long number = strtoul(heard + 1, &end, 10);
        if (end == heard + 1)
            break; /* "(MODSEQ n)" */
        check(number >= 1 && number <= MESSAGES);
        set |= 1u << (number - 1);
    }
    return set;
}

static void expect_sense(const char *heard)
{
    enum { ALL = (1u << MESSAGES) - 1 };
    unsigned set = found(heard, 0);
    check(found(heard, 1) == (ALL & ~set));
    check(found(heard, 2) == set);
    check(found(heard, 3) == set);
    const char *count = strstr(heard, " COUNT ");
    check(count != NULL);
    check(strtoul(count + strlen(" COUNT "), NULL, 10) == (unsigned)__builtin_popcount(set));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t now_ms = INT64_C(1795000000000);
    struct text keys = text_of(data, size);
    struct buffer input;
    if (size < 1 || size > 1000 || !stands_alone(keys))
        return 0;
    buffer_init(&input, 8192);
    buffer_append(&input, TEXT("s SELECT INBOX\r\n"));
    buffer_printf(&input, "a SEARCH (%.*s)\r\nb SEARCH NOT (%.*s)\r\n", TEXT_ARG(keys),
                  TEXT_ARG(keys));
    buffer_printf(&input, "c SEARCH NOT NOT (%.*s)\r\nd SEARCH OR (%.*s) (%.*s)\r\n",
                  TEXT_ARG(keys), TEXT_ARG(keys), TEXT_ARG(keys));
    buffer_printf(&input, "e SEARCH RETURN (COUNT) (%.*s)\r\nz LOGOUT\r\n", TEXT_ARG(keys));
    clock_set_for_test(&now_ms);
    char *heard = world_talk(buffer_text(&input), 0, prepare);
    clock_set_for_test(NULL);
    if (strstr(heard, "\na OK") != NULL)
        expect_sense(heard);
    free(heard);
    buffer_finish(&input);
    return 0;
}
