#include "proto/imap/mailbox/imap_place.h"

#include "proto/imap/imap_name.h"

struct imap_place imap_place_for(struct text user, struct text name)
{
    struct text others = TEXT(IMAP_OTHERS), public = TEXT(IMAP_PUBLIC);
    if (text_starts_with(name, public))
        return (struct imap_place){ACCOUNT_PUBLIC, text_from_position(name, public.length)};
    if (text_equals(name, text_head(public, public.length - 1)) ||
        text_equals(name, text_head(others, others.length - 1)))
        return (struct imap_place){ACCOUNT_PUBLIC, TEXT("")};
    if (!text_starts_with(name, others))
        return (struct imap_place){user, name};
    /* A local part may have a "/", a domain has none. */
    struct text rest = text_from_position(name, others.length);
    size_t at = text_find(rest, '@');
    size_t owner = at + text_find(text_from_position(rest, at), '/');
    if (at == rest.length || owner >= rest.length)
        return (struct imap_place){ACCOUNT_PUBLIC, TEXT("")};
    return (struct imap_place){text_head(rest, owner), text_from_position(rest, owner + 1)};
}

struct imap_place imap_place_of(const struct imap_session *session, struct text name)
{
    return imap_place_for(session->options->user, name);
}

struct text imap_shown_name(const struct imap_session *session, const struct mailbox *box,
                            struct arena *arena)
{
    struct text owner = mailbox_owner(box), name = mailbox_name(box);
    if (text_equals(owner, session->options->user))
        return arena_copy(arena, name);
    if (text_equals(owner, ACCOUNT_PUBLIC))
        return arena_printf(arena, IMAP_PUBLIC "%.*s", TEXT_ARG(name));
    return arena_printf(arena, IMAP_OTHERS "%.*s/%.*s", TEXT_ARG(owner), TEXT_ARG(name));
}

void imap_put_mailbox_name(struct imap_session *session, const struct mailbox *box)
{
    struct arena arena; /* there may be no command for hours */
    arena_init(&arena);
    imap_put_name(&session->out, imap_shown_name(session, box, &arena), imap_is_utf8(session));
    arena_finish(&arena);
}

struct mailbox *imap_find_above(const struct imap_session *session, const struct imap_place *place)
{
    struct text name = place->name;
    struct mailbox *box = mailbox_find(session->store, place->owner, name);
    size_t slash;
    while (box == NULL && (slash = text_find_last(name, '/')) < name.length) {
        name = text_head(name, slash);
        box = mailbox_find(session->store, place->owner, name);
    }
    return box;
}

unsigned imap_rights(const struct imap_session *session, const struct mailbox *box)
{
    return sharing_rights(session->store, box, session->options->user);
}

struct mailbox *imap_find_mailbox_for(struct imap_session *session, struct text name,
                                      unsigned rights, const char *code)
{
    struct imap_place place = imap_place_of(session, name);
    struct mailbox *box = mailbox_find(session->store, place.owner, place.name);
    unsigned has = box == NULL ? 0 : imap_rights(session, box);
    if (has == 0 || (has & (RIGHT_LOOKUP | rights)) == 0)
        imap_no(session, code, "No such mailbox");
    else if ((has & rights) == rights)
        return box;
    else
        imap_no(session, "[NOPERM]", "You may not do that with this mailbox");
    return NULL;
}

struct mailbox *imap_find_mailbox(struct imap_session *session, struct text name, const char *code)
{
    return imap_find_mailbox_for(session, name, RIGHT_READ, code);
}

bool imap_may(const struct imap_session *session, enum right right)
{
    return (imap_rights(session, session->view.box) & right) != 0;
}

uint64_t imap_flags_allowed(unsigned rights)
{
    uint64_t others = ~(uint64_t)(FLAG_SEEN | FLAG_DELETED);
    return ((rights & RIGHT_WRITE) != 0 ? others : 0) |
           ((rights & RIGHT_SEEN) != 0 ? FLAG_SEEN : 0) |
           ((rights & RIGHT_DELETE_MESSAGES) != 0 ? FLAG_DELETED : 0);
}

uint64_t imap_selected_flags(const struct imap_session *session)
{
    return imap_flags_allowed(imap_rights(session, session->view.box));
}
