#include "admin/extras.h"

#include "account/absence.h"
#include "account/annotation.h"
#include "account/sharing.h"
#include "admin/verbs_account.h"
#include "admin/verbs_sieve.h"
#include "base/array.h"
#include "base/clock.h"
#include "store/scripts.h"

/* All of a kind are gathered before the first is given: giving yields. */
struct extra {
    struct text name, value;
};
struct extras {
    struct arena arena;
    struct extra *at;
    unsigned count;
};

static void add(struct extras *extras, struct text name, struct text value)
{
    extras->at = arena_grow(&extras->arena, extras->at, extras->count, sizeof(*extras->at));
    extras->at[extras->count++] =
        (struct extra){arena_copy(&extras->arena, name), arena_copy(&extras->arena, value)};
}

/* How those of a kind are written. */
struct form {
    const char *kind;
    struct text mailbox; /* "": none */
    struct text active;  /* the name of the script that is */
};

/* YIELDS as give does. */
static enum status give_all(struct extras *extras, const struct form *form, extras_give *give,
                            void *context)
{
    enum status status = OK;
    for (unsigned i = 0; i < extras->count && status == OK; i++) {
        struct extra *extra = &extras->at[i];
        struct tar_entry entry = {.path = arena_printf(&extras->arena, "%s/%u", form->kind, i + 1),
                                  .size = extra->value.length,
                                  .date_ms = clock_wall_ms()};
        entry.notes[entry.note_count++] = (struct tar_note){TEXT("kind"), text_from(form->kind)};
        if (!text_is_empty(extra->name))
            entry.notes[entry.note_count++] = (struct tar_note){TEXT("name"), extra->name};
        if (!text_is_empty(form->mailbox))
            entry.notes[entry.note_count++] = (struct tar_note){TEXT("mailbox"), form->mailbox};
        if (!text_is_empty(extra->name) && text_equals(extra->name, form->active))
            entry.notes[entry.note_count++] = (struct tar_note){TEXT("active"), TEXT("yes")};
        status = give(context, &entry, extra->value);
    }
    return status;
}

static bool add_note(void *context, struct text name, struct text value)
{
    add(context, name, value);
    return true;
}

static bool add_script(void *context, struct text name, uint64_t bytes)
{
    (void)bytes;
    add(context, name, TEXT(""));
    return true;
}

static void gather_settings(const struct accounts *accounts, struct text owner,
                            struct extras *extras)
{
    struct buffer value;
    for (enum preference which = 0; which < PREFERENCES; which++) {
        buffer_init(&value, 1024);
        if (preference_write(accounts, owner, which, &value))
            add(extras, text_from(preference_name(which)), buffer_text(&value));
        buffer_finish(&value);
    }
}

static void gather_scripts(struct store *store, struct text owner, struct extras *extras)
{
    struct buffer source;
    buffer_init(&source, EXTRAS_BYTES_MAX);
    scripts_each(store, owner, add_script, extras);
    for (unsigned i = 0; i < extras->count; i++)
        if (script_get(store, owner, extras->at[i].name, &source))
            extras->at[i].value = arena_copy(&extras->arena, buffer_text(&source));
    buffer_finish(&source);
}

static void gather_absence(struct store *store, struct text owner, struct extras *extras)
{
    struct absence absence;
    struct buffer bytes;
    buffer_init(&bytes, EXTRAS_BYTES_MAX);
    if (absence_get(store, owner, &extras->arena, &absence)) {
        absence_encode(&absence, &bytes);
        add(extras, TEXT(""), buffer_text(&bytes));
    }
    buffer_finish(&bytes);
}

static void begin(struct extras *extras)
{
    *extras = (struct extras){0};
    arena_init(&extras->arena);
}

enum status extras_of_user(struct queue *queue, struct text owner, extras_give *give, void *context)
{
    struct store *store = queue_store(queue);
    struct extras extras;
    struct buffer active;
    struct annotation_scope scope = {.store = store, .user = owner};
    begin(&extras);
    gather_settings(queue_accounts(queue), owner, &extras);
    enum status status = give_all(&extras, &(struct form){.kind = "setting"}, give, context);
    arena_finish(&extras.arena);
    begin(&extras);
    annotation_each(&scope, TEXT("/private"), add_note, &extras);
    if (status == OK)
        status = give_all(&extras, &(struct form){.kind = "note"}, give, context);
    arena_finish(&extras.arena);
    begin(&extras);
    gather_absence(store, owner, &extras);
    if (status == OK)
        status = give_all(&extras, &(struct form){.kind = "absence"}, give, context);
    arena_finish(&extras.arena);
    begin(&extras);
    gather_scripts(store, owner, &extras);
    buffer_init(&active, EXTRAS_BYTES_MAX);
    script_active(store, owner, &active);
    struct form form = {.kind = "script", .active = buffer_text(&active)};
    if (status == OK)
        status = give_all(&extras, &form, give, context);
    buffer_finish(&active);
    arena_finish(&extras.arena);
    return status;
}

static bool put_right(void *context, struct text identifier, unsigned rights)
{
    char letters[RIGHTS_LETTERS];
    buffer_printf(context, "%s %.*s\n", rights_write(rights, letters), TEXT_ARG(identifier));
    return true;
}

enum status extras_of_mailbox(struct queue *queue, uint64_t mailbox, extras_give *give,
                              void *context)
{
    struct store *store = queue_store(queue);
    struct mailbox *box = mailbox_find_id(store, mailbox);
    struct extras notes, rights;
    struct buffer lines;
    if (box == NULL)
        return OK;
    begin(&notes);
    begin(&rights);
    struct form form = {.kind = "note", .mailbox = arena_copy(&notes.arena, mailbox_name(box))};
    struct annotation_scope scope = {store, box, mailbox_owner(box)};
    annotation_each(&scope, TEXT("/private"), add_note, &notes);
    annotation_each(&scope, TEXT("/shared"), add_note, &notes);
    buffer_init(&lines, EXTRAS_BYTES_MAX);
    sharing_each(store, box, put_right, &lines);
    if (lines.length > 0)
        add(&rights, TEXT(""), buffer_text(&lines));
    buffer_finish(&lines);
    enum status status = give_all(&notes, &form, give, context);
    form.kind = "rights";
    if (status == OK)
        status = give_all(&rights, &form, give, context);
    arena_finish(&notes.arena);
    arena_finish(&rights.arena);
    return status;
}

/* Coming in. Each: REFUSED is what this server does not take. YIELD. */

struct taking {
    struct queue *queue;
    struct text owner, name, bytes;
    const struct tar_entry *entry;
    struct arena arena;
};

static enum status take_setting(struct taking *taking)
{
    enum preference which = preference_find(taking->name);
    return which < PREFERENCES ? verb_set_preference(queue_accounts(taking->queue), taking->owner,
                                                     which, taking->bytes)
                               : REFUSED;
}

static enum status take_script(struct taking *taking)
{
    enum status status = verb_sieve_keep(taking->queue, taking->owner, taking->name, taking->bytes);
    bool is_active = !text_is_empty(tar_note(taking->entry, TEXT("active")));
    if (status != OK || !is_active)
        return status;
    return script_activate(queue_store(taking->queue), taking->owner, taking->name) == SCRIPT_LATER
               ? TRY_LATER
               : OK;
}

static enum status take_absence(struct taking *taking)
{
    struct absence absence;
    return absence_decode(taking->bytes, &absence)
               ? absence_set(queue_store(taking->queue), taking->owner, &absence)
               : REFUSED;
}

static struct mailbox *find_mailbox(const struct taking *taking)
{
    return mailbox_find(queue_store(taking->queue), taking->owner,
                        tar_note(taking->entry, TEXT("mailbox")));
}

static enum status take_rights(struct taking *taking)
{
    struct text lines = taking->bytes, line, identifier;
    enum status status = OK;
    unsigned rights;
    while (status == OK && text_split(&lines, '\n', &line)) {
        struct mailbox *box = find_mailbox(taking);
        bool is_right =
            box != NULL && rights_read(text_before(line, ' '), &rights) &&
            sharing_identifier(text_after(line, ' '), taking->owner, &taking->arena, &identifier);
        status = is_right ? sharing_change(queue_store(taking->queue), mailbox_id(box), identifier,
                                           SHARING_SET, rights)
                          : REFUSED;
    }
    return status;
}

static enum status take_note(struct taking *taking)
{
    struct annotation note = {.value = taking->bytes};
    bool is_of_server = text_is_empty(tar_note(taking->entry, TEXT("mailbox")));
    struct mailbox *box = is_of_server ? NULL : find_mailbox(taking);
    if (!annotation_name(taking->name, &taking->arena, &note.name) ||
        (box == NULL && !is_of_server) || (is_of_server && !annotation_is_private(note.name)))
        return REFUSED;
    enum annotating done = annotation_set(
        queue_store(taking->queue), box == NULL ? 0 : mailbox_id(box), taking->owner, &note, 1);
    return done == ANNOTATING_DONE ? OK : done == ANNOTATING_LATER ? TRY_LATER : REFUSED;
}

enum status extras_import(struct queue *queue, struct text owner, const struct tar_entry *entry,
                          struct text bytes, bool *taken)
{
    static const struct {
        const char *kind;
        enum status (*take)(struct taking *taking);
    } kinds[] = {
        {"setting", take_setting}, {"absence", take_absence}, {"script", take_script},
        {"rights", take_rights},   {"note", take_note},
    };
    struct text kind = tar_note(entry, TEXT("kind"));
    struct taking taking = {queue, owner, tar_note(entry, TEXT("name")), bytes, entry, {0}};
    enum status status = REFUSED;
    arena_init(&taking.arena);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (text_equals(kind, text_from(kinds[i].kind)))
            status = kinds[i].take(&taking);
    arena_finish(&taking.arena);
    *taken = status == OK;
    return status == TRY_LATER ? TRY_LATER : OK;
}
