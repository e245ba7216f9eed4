/* `resolve-senders`: the author of a message is called as the directory calls him. */
#include "mail/display_name.h"
#include "proto/smtp/server/smtp_session.h"

enum { ADDED_MAX = 4096 };

bool smtp_resolves_sender(const struct smtp_session *session)
{
    enum resolve_policy policy = session->server->resolves;
    return policy == RESOLVE_EVERYONE || (policy == RESOLVE_LOGGED_IN && session->login[0] != '\0');
}

/* What the directory calls him; "" nothing else than he does. YIELDS. */
static struct text name_of(struct smtp_session *session, const struct display_name *author)
{
    struct arena *arena = &session->transaction.arena;
    struct directory_description found;
    if (directory_describe(session->front->role->auth, mail_address_key(&author->address, arena),
                           arena, &found) != OK ||
        (found.kind != DESCRIBED_USER && found.kind != DESCRIBED_CONTACT) ||
        text_equals(found.name, author->name))
        return TEXT("");
    return found.name;
}

void smtp_resolve_sender(struct smtp_session *session)
{
    struct buffer *held = &session->transaction.intake.header;
    struct display_name author;
    struct text message = buffer_text(held);
    if (!smtp_resolves_sender(session) ||
        !display_name_find(header_section(message), &session->transaction.arena, &author))
        return;
    struct text name = name_of(session, &author);
    if (text_is_empty(name))
        return;
    struct buffer renamed;
    size_t at = (size_t)(author.field.whole.data - message.data);
    buffer_init(&renamed, message.length + ADDED_MAX);
    buffer_append(&renamed, text_head(message, at));
    display_name_write(name, &author.address, &renamed);
    buffer_append(&renamed, text_from_position(message, at + author.field.whole.length));
    if (!renamed.overflowed) {
        struct buffer before = *held;
        *held = renamed;
        renamed = before;
    }
    buffer_finish(&renamed);
}
