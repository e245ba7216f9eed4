/* STORE while others change the same messages: the client is told what they did, and nothing twice.
 */
#include <stdio.h>
#include <stdlib.h>

#include "imap_world.h"
#include "test.h"

enum { MESSAGES = 3, STORES = 300, INPUT_MAX = 1 << 20 };

static struct task_group others;

/* \Flagged and not, of one message after the other, until the client deletes the first. */
static void flag_and_unflag(void *argument)
{
    struct mailbox *box = argument;
    bool is_over = false;
    for (unsigned i = 0; !is_over; i++) {
        bool is_added = i / MESSAGES % 2 == 0;
        check(mailbox_flag(box, 1 + i % MESSAGES, is_added ? FLAG_FLAGGED : 0,
                           is_added ? 0 : FLAG_FLAGGED) == OK);
        is_over = (mailbox_entry_find(box, 1)->flags & FLAG_DELETED) != 0;
        task_yield();
    }
    mailbox_close(&box);
}

static void others_end(void)
{
    task_group_finish(&others);
}

static void others_begin(void)
{
    for (unsigned i = 0; i < MESSAGES; i++)
        world_put("INBOX", TEXT("Subject: a\r\n\r\n"));
    struct mailbox *box = mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX"));
    mailbox_open(box);
    task_group_init(&others);
    task_spawn(&others, "another", flag_and_unflag, box);
    imap_world.finish = others_end;
}

/* What a client makes of the answers. */
struct client {
    char known[MESSAGES + 1][128]; /* flags as they were told, or as it stored them */
    char told[MESSAGES + 1][128];  /* the same, in this command */
    unsigned repeated, fetched;
};

static void hear_fetch(struct client *client, unsigned number, const char *line)
{
    const char *flags = strstr(line, "FLAGS (");
    if (flags == NULL)
        return;
    snprintf(client->known[number], sizeof(client->known[number]), "%.*s", (int)strcspn(flags, ")"),
             flags);
    client->repeated += strcmp(client->told[number], client->known[number]) == 0;
    client->fetched++;
    memcpy(client->told[number], client->known[number], sizeof(client->told[number]));
}

/* It stored \Seen, or took it away: silently, so it knows by itself. */
static void keep_own(struct client *client, bool is_seen)
{
    for (unsigned i = 1; i <= MESSAGES; i++) {
        bool is_flagged = strstr(client->known[i], "\\Flagged") != NULL;
        snprintf(client->known[i], sizeof(client->known[i]), "FLAGS (%s%s%s",
                 is_flagged ? "\\Flagged" : "", is_flagged && is_seen ? " " : "",
                 is_seen ? "\\Seen" : "");
    }
}

/* Up to the last NOOP; what stands behind it is what there is. */
static const char *hear(struct client *client, char *heard)
{
    unsigned number;
    char *rest = NULL;
    for (char *line = strtok_r(heard, "\r\n", &rest); line != NULL;
         line = strtok_r(NULL, "\r\n", &rest)) {
        if (sscanf(line, "* %u FETCH", &number) == 1 && number <= MESSAGES) {
            hear_fetch(client, number, line);
        } else if (strstr(line, " OK ") != NULL && line[0] != '*') {
            memset(client->told, 0, sizeof(client->told));
            if (line[0] == 's')
                keep_own(client, atoi(line + 1) % 2 == 0);
        }
        if (strncmp(line, "z OK", 4) == 0)
            return rest;
    }
    return "";
}

TEST("a client knows all flags after a STORE among others' changes, and hears nothing twice")
{
    struct buffer input;
    struct client client = {0};
    buffer_init(&input, INPUT_MAX);
    buffer_append(&input, TEXT("a SELECT INBOX\r\n"));
    for (unsigned i = 0; i < STORES; i++)
        buffer_printf(&input, "%c%u STORE 1:%d %cFLAGS%s (\\Seen)\r\n", i % 3 == 0 ? 't' : 's', i,
                      MESSAGES, i % 2 == 0 ? '+' : '-', i % 3 == 0 ? "" : ".SILENT");
    /* What others have on its way is waited for by a conditional one. */
    buffer_append(&input, TEXT("b STORE 1 +FLAGS (\\Deleted)\r\n"
                               "c STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Draft)\r\n"
                               "z NOOP\r\n"
                               "y FETCH 1:3 (FLAGS)\r\n"));
    char *heard = world_talk(buffer_text(&input), 0, others_begin);
    const char *last = hear(&client, heard);
    EXPECT(client.repeated == 0);
    EXPECT(client.fetched > STORES);
    for (unsigned i = 1; i <= MESSAGES; i++) {
        char wanted[160];
        snprintf(wanted, sizeof(wanted), "* %u FETCH (%s)", i, client.known[i]);
        EXPECT(strstr(last, wanted) != NULL);
    }
    free(heard);
    buffer_finish(&input);
}
