#include "proto/imap/mailbox/imap_noted.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/map.h"

struct note {
    uint64_t checksum; /* of its value */
    unsigned round;    /* when it was last met */
};

struct imap_noted {
    struct map *notes; /* by the entry's name */
    unsigned round;
    struct buffer *out; /* while they are compared */
};

struct imap_noted *imap_noted_new(void)
{
    struct imap_noted *noted = calloc(1, sizeof(*noted));
    check(noted != NULL);
    noted->notes = map_new();
    return noted;
}

void imap_noted_free(struct imap_noted **noted)
{
    size_t position = 0;
    void *note;
    if (*noted == NULL)
        return;
    while (map_next((*noted)->notes, &position, NULL, &note))
        free(note);
    map_free(&(*noted)->notes);
    free(*noted);
    *noted = NULL;
}

static void tell(struct imap_noted *noted, struct text name)
{
    buffer_append_byte(noted->out, ' ');
    buffer_append(noted->out, name);
}

static bool meet(void *context, struct text name, struct text value)
{
    struct imap_noted *noted = context;
    struct note *note = map_get(noted->notes, name);
    uint64_t checksum = hash_checksum(value);
    if (note == NULL || note->checksum != checksum)
        tell(noted, name);
    if (note == NULL) {
        note = calloc(1, sizeof(*note));
        check(note != NULL);
        map_put(noted->notes, name, note);
    }
    *note = (struct note){checksum, noted->round};
    return true;
}

static void tell_gone(struct imap_noted *noted)
{
    size_t position = 0;
    struct text name;
    void *value;
    while (map_next(noted->notes, &position, &name, &value)) {
        struct note *note = value;
        if (note->round == noted->round)
            continue;
        tell(noted, name);
        map_remove(noted->notes, name);
        free(note);
        position = 0; /* a changed map is walked anew */
    }
}

void imap_noted_compare(struct imap_noted *noted, const struct annotation_scope *scope,
                        struct buffer *out)
{
    noted->round++;
    noted->out = out;
    annotation_each(scope, TEXT("/shared"), meet, noted);
    annotation_each(scope, TEXT("/private"), meet, noted);
    tell_gone(noted);
    noted->out = NULL;
}
