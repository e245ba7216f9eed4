/* What a peer offers in its answer to EHLO. Tolerant: what cannot be read is not offered. */
#include "proto/smtp/client/smtp_client_dialog.h"

/* RFC 9422 4: "NAME=number ..."; names we do not know mean nothing to us. */
static void note_limits(struct smtp_client *client, struct text limits)
{
    const struct {
        struct text name;
        uint32_t *limit;
    } known[] = {{TEXT("RCPTMAX"), &client->most_recipients},
                 {TEXT("RCPTDOMAINMAX"), &client->most_domains},
                 {TEXT("MAILMAX"), &client->most_mails}};
    struct text word;
    while (text_word(&limits, &word))
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (text_equals_nocase(text_before(word, '='), known[i].name) &&
                !text_to_u32(text_after(word, '='), known[i].limit))
                *known[i].limit = 0;
}

static void note_parameters(struct smtp_client *client, enum extension extension, struct text rest)
{
    if (extension == EXTENSION_SIZE && !text_to_u64(text_trim(rest), &client->size_limit))
        client->size_limit = 0;
    if (extension == EXTENSION_DELIVERBY &&
        !text_to_u32(text_trim(rest), &client->least_by_seconds))
        client->least_by_seconds = 0;
    if (extension == EXTENSION_AUTH)
        client->auth_offers |= sasl_mechanisms_of(rest);
    if (extension == EXTENSION_XEXPS)
        client->exps_offers |= sasl_mechanisms_of(rest);
    if (extension == EXTENSION_LIMITS)
        note_limits(client, rest);
}

/* "AUTH PLAIN LOGIN", and "AUTH=LOGIN" as it was before there was a standard. */
static void note_line(struct smtp_client *client, struct text line)
{
    line = text_trim(line);
    size_t end = 0;
    while (end < line.length && line.data[end] != ' ' && line.data[end] != '\t' &&
           line.data[end] != '=')
        end++;
    struct text keyword = text_head(line, end), rest = text_from_position(line, end + 1);
    for (int i = 0; i < EXTENSION_COUNT; i++) {
        if (!text_equals_nocase(keyword, text_from(extension_keywords[i])) ||
            (client->without & EXTENSION_BIT(i)) != 0)
            continue;
        client->offered |= EXTENSION_BIT(i);
        note_parameters(client, (enum extension)i, rest);
    }
}

void smtp_client_note_offers(struct smtp_client *client, struct text words)
{
    struct text line;
    client->offered = 0;
    client->auth_offers = client->exps_offers = 0;
    client->size_limit = 0;
    client->most_recipients = client->most_domains = client->most_mails = 0;
    client->least_by_seconds = 0;
    text_split(&words, '\n', &line);
    while (text_split(&words, '\n', &line))
        note_line(client, line);
}
