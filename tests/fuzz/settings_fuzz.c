/* Any bytes are either refused with a reason or are settings that, when shown in full, read back as
 * the same settings. */
#include <stdlib.h>

#include "base/check.h"
#include "settings/settings.h"

enum { SHOWN_MAX = 64 << 20 };

static struct settings *parse(struct text bytes, struct buffer *said)
{
    struct settings_source *source, *sent;
    struct settings *settings = NULL;
    struct buffer wire;
    buffer_init(&wire, SHOWN_MAX);
    buffer_init(said, SHOWN_MAX);
    if (settings_source_of(TEXT("/etc/mailroot.conf"), bytes, &source) != OK)
        return NULL;
    check(settings_source_encode(source, &wire) == OK);
    check(settings_source_decode(buffer_text(&wire), &sent) == OK);
    enum status status = settings_parse(sent, 1, said, &settings);
    check((status == OK) == (settings != NULL));
    check(status == OK || said->length > 0);
    settings_source_free(&source);
    settings_source_free(&sent);
    buffer_finish(&wire);
    return settings;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer said, first, second, changed;
    struct settings *settings = parse(text_of(data, size), &said);
    if (settings == NULL) {
        buffer_finish(&said);
        return 0;
    }
    buffer_init(&first, SHOWN_MAX);
    buffer_init(&second, SHOWN_MAX);
    buffer_init(&changed, SHOWN_MAX);
    settings_show(settings, true, false, &first);
    buffer_finish(&said);

    struct settings *again = parse(buffer_text(&first), &said);
    check(again != NULL);
    settings_show(again, true, false, &second);
    check(text_equals(buffer_text(&first), buffer_text(&second)));
    buffer_finish(&said);
    settings_release(&again);

    /* What was changed alone gives the same, too. */
    settings_show(settings, false, true, &changed);
    again = parse(buffer_text(&changed), &said);
    check(again != NULL);
    buffer_reset(&second, SHOWN_MAX);
    settings_show(again, true, false, &second);
    check(text_equals(buffer_text(&first), buffer_text(&second)));
    settings_release(&again);
    settings_release(&settings);
    buffer_finish(&said);
    buffer_finish(&first);
    buffer_finish(&second);
    buffer_finish(&changed);
    return 0;
}
