/* What a user may do, and how much. */
#include "directory/attribute.h"
#include "directory/senders.h"
#include "directory/state.h"

void directory_limits_of(struct directory *directory, struct text user, struct arena *arena,
                         uint64_t *send_bytes, uint64_t *recipients)
{
    struct attributes attributes;
    *send_bytes = *recipients = DIRECTORY_NO_LIMIT;
    if (user.length == 0)
        return;
    attributes_load(directory, user, arena, &attributes);
    attributes_number(&attributes, ATTRIBUTE_SEND_LIMIT, send_bytes);
    attributes_number(&attributes, ATTRIBUTE_RECIPIENT_LIMIT, recipients);
}

/* Nothing said: everybody. */
static bool is_listed(struct senders *senders, const struct setting_senders *list)
{
    if (list->place.line == 0)
        return true;
    bool is_named =
        senders_match_names(senders, list->names, list->name_count, SENDERS_PROVEN).length > 0;
    return is_named != list->everyone;
}

enum status directory_user_rights(struct directory *directory, struct text user, struct text server,
                                  struct directory_rights *out)
{
    struct arena arena;
    arena_init(&arena);
    struct senders *senders = senders_new(directory, TEXT(""), user, &arena);
    *out = (struct directory_rights){.may_submit = true, .may_relay = true};
    const struct setting_server *found = settings_server_find(directory->settings, server);
    if (found != NULL) {
        out->may_submit = is_listed(senders, &found->submitters);
        out->may_relay = is_listed(senders, &found->relayers);
    }
    directory_limits_of(directory, user, &arena, &out->send_bytes, &out->recipients);
    senders_free(&senders);
    arena_finish(&arena);
    return directory_ready(directory);
}
