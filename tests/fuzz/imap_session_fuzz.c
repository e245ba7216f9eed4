/* IMAP after the login: any command, with literals. Oracle: however the bytes are cut, the answers
 * are the same, so no byte's meaning hangs on when it came; and every command that is answered is
 * answered once. */
#include <stdlib.h>

#include "account/preference.h"
#include "account/sharing.h"
#include "base/clock.h"
#include "imap_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char plain[] =
    "From: Ann <ann@example.org>\r\nTo: bob@example.test\r\nSubject: one\r\n"
    "Date: Mon, 23 Nov 2026 20:00:00 +0000\r\n\r\nFirst body.\r\n";
static const char parts[] =
    "Subject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
    "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ny\r\n--b\r\n"
    "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n"
    "--b--\r\n";
static const char kinds[] =
    "Subject: three\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n"
    "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--b--\r\n";

/* Whether the user wants plain text alone (imap-body). */
static bool wants_plain;

/* A mailbox of another, with some rights. */
static void share_one(void)
{
    struct text bob = TEXT("bob@example.test"), name = TEXT("B");
    check(mailbox_create(imap_world.store, bob, name, 0) == NAMING_DONE);
    struct mailbox *box = mailbox_find(imap_world.store, bob, name);
    check(sharing_change(imap_world.store, mailbox_id(box), WORLD_USER, SHARING_SET,
                         RIGHTS_ALL & ~(unsigned)RIGHT_WRITE) == OK);
}

static void prepare(void)
{
    world_put("INBOX", text_from(plain));
    world_put("INBOX", text_from(parts));
    world_put("INBOX", text_from(kinds));
    share_one();
    struct accounts accounts = {.store = imap_world.store, .settings = imap_world.settings};
    if (wants_plain)
        check(preference_set(&accounts, WORLD_USER, PREFERENCE_IMAP_BODY, TEXT("plain")) == OK);
}

/* Ids of messages are others each time. */
static void mask_ids(char *heard)
{
    for (char *at = heard; (at = strstr(at, "EMAILID (")) != NULL; at++)
        for (char *id = at + strlen("EMAILID ("); *id != '\0' && *id != ')'; id++)
            *id = '0';
}

/* At most one answer for a tag of ours. */
static void expect_one_answer(const char *heard, const char *tag)
{
    const char *first = strstr(heard, tag);
    check(first == NULL || strstr(first + 1, tag) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t now_ms = INT64_C(1795000000000);
    struct buffer input;
    char *heard[2];
    if (size < 2 || size > 4096)
        return 0;
    buffer_init(&input, 8192);
    buffer_append(&input, TEXT("s SELECT INBOX\r\n"));
    buffer_append(&input, text_of(data + 1, size - 1));
    buffer_append(&input, TEXT("\r\nlast-tag NOOP\r\n"));
    wants_plain = data[0] % 2 != 0;
    clock_set_for_test(&now_ms);
    for (int i = 0; i < 2; i++) {
        heard[i] = world_talk(buffer_text(&input), i == 0 ? 0 : 1u + data[0] / 2, prepare);
        mask_ids(heard[i]);
    }
    clock_set_for_test(NULL);
    check(strcmp(heard[0], heard[1]) == 0);
    expect_one_answer(heard[0], "\r\nlast-tag OK");
    free(heard[0]);
    free(heard[1]);
    buffer_finish(&input);
    return 0;
}
