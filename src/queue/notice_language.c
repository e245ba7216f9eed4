#include "queue/notice_language.h"

#include "account/preference.h"
#include "mail/header.h"
#include "queue/internal.h"

/* NULL: he has none of his own, or one that no text is there for. */
static const struct report_texts *own_language(const struct queue *queue, struct text user)
{
    struct buffer written;
    const struct report_texts *found = NULL;
    buffer_init(&written, 64);
    if (preference_write(&queue->accounts, user, PREFERENCE_LANGUAGE, &written))
        found = report_catalog_find(queue->report_texts, buffer_text(&written));
    buffer_finish(&written);
    return found;
}

/* What the writer wants to read comes before what he has written in. */
static const struct report_texts *language_of_message(const struct queue *queue, struct text header)
{
    static const char *const fields[] = {"Accept-Language", "Content-Language"};
    const struct report_texts *found = NULL;
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && found == NULL; i++) {
        struct header_field field;
        if (header_find(header, text_from(fields[i]), &field))
            found = report_catalog_find_listed(queue->report_texts, field.body);
    }
    return found;
}

struct notice_language notice_language(const struct queue *queue,
                                       const struct notice_reader *reader)
{
    const struct report_catalog *catalog = queue->report_texts;
    const struct settings *settings = queue->settings;
    const struct report_texts *english = report_catalog_english(catalog), *texts = NULL;
    const struct setting_domain *domain = settings_domain_find(
        settings, text_from_position(reader->address, text_find_last(reader->address, '@') + 1));
    if (domain != NULL)
        texts = own_language(queue, reader->address);
    if (texts == NULL)
        texts = language_of_message(queue, reader->original);
    if (texts == NULL && domain != NULL)
        texts = report_catalog_find(catalog, domain->language);
    if (texts == NULL)
        texts = report_catalog_find(catalog, settings->report_language);
    if (texts == NULL)
        texts = english;
    bool is_in_both = settings->reports_are_bilingual && texts != english;
    return (struct notice_language){.texts = texts, .more_texts = is_in_both ? english : NULL};
}
