#include "mail/pra.h"

#include "mail/address.h"
#include "mail/address_list.h"
#include "mail/header.h"

/* What the algorithm of RFC 4407 2 asks of the fields, gathered in one pass. */
struct fields {
    struct text resent_sender, resent_from, sender,
        from; /* bodies of the first that say anything */
    unsigned sender_count, from_count;
    bool resent_from_is_older; /* it stands above Resent-Sender, with a hop between them */
    bool hop_since;            /* Received or Return-Path behind the first Resent-From */
};

static void take_first(struct text *place, struct text body)
{
    if (place->data == NULL)
        *place = body;
}

static void take_field(const struct header_field *field, struct fields *out)
{
    bool is_hop = text_equals_nocase(field->name, TEXT("Received")) ||
                  text_equals_nocase(field->name, TEXT("Return-Path"));
    if (is_hop && out->resent_from.data != NULL)
        out->hop_since = true;
    if (is_hop || text_is_empty(text_trim(field->body)))
        return;
    if (text_equals_nocase(field->name, TEXT("Resent-Sender"))) {
        if (out->resent_sender.data == NULL)
            out->resent_from_is_older = out->hop_since;
        take_first(&out->resent_sender, field->body);
    } else if (text_equals_nocase(field->name, TEXT("Resent-From"))) {
        take_first(&out->resent_from, field->body);
    } else if (text_equals_nocase(field->name, TEXT("Sender"))) {
        take_first(&out->sender, field->body);
        out->sender_count++;
    } else if (text_equals_nocase(field->name, TEXT("From"))) {
        take_first(&out->from, field->body);
        out->from_count++;
    }
}

/* Steps 1 to 4. */
static bool choose(const struct fields *fields, struct text *name, struct text *body)
{
    static const struct text names[] = {TEXT("Resent-Sender"), TEXT("Resent-From"), TEXT("Sender"),
                                        TEXT("From")};
    const struct text bodies[] = {fields->resent_from_is_older ? TEXT("") : fields->resent_sender,
                                  fields->resent_from, fields->sender, fields->from};
    for (unsigned i = 0; i < 4; i++)
        if (!text_is_empty(bodies[i])) {
            *name = names[i];
            *body = bodies[i];
            return (i != 2 || fields->sender_count == 1) && (i != 3 || fields->from_count == 1);
        }
    return false;
}

/* Step 5: exactly one mailbox, with a domain. */
static bool read_mailbox(struct text body, struct arena *arena, struct mail_pra *out)
{
    struct mail_entry entry, other;
    struct mail_address address;
    struct text rest = header_unfold(body, arena);
    if (!mail_entry_next(&rest, arena, &entry) || entry.kind != MAIL_ENTRY_ADDRESS ||
        text_is_empty(entry.domain) || mail_entry_next(&rest, arena, &other))
        return false;
    struct mail_address written = {.local_part = entry.local_part, .domain = entry.domain};
    struct text text = mail_address_text(&written, arena);
    if (mail_address_parse(text, arena, &address) != OK || address.is_literal)
        return false;
    out->address = mail_address_text(&address, arena);
    out->domain = address.domain_ascii;
    return true;
}

bool mail_pra_find(struct text section, struct arena *arena, struct mail_pra *out)
{
    struct fields fields = {0};
    struct header_field field;
    struct text body;
    *out = (struct mail_pra){0};
    while (header_next_valid(&section, &field))
        take_field(&field, &fields);
    return choose(&fields, &out->field, &body) && read_mailbox(body, arena, out);
}
