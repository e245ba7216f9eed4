/* A new capability is one row here. Announced is only what works. */
#include "proto/imap/imap_capability.h"

#include <inttypes.h>

static const struct {
    const char *name;
    unsigned needs; /* all of these imap_situation bits */
} capabilities[] = {
    {"IMAP4rev1", 0},
    {"IMAP4rev2", 0},
    {"LITERAL+", 0},
    {"SASL-IR", 0},
    {"ID", 0},
    {"STARTTLS", IMAP_MAY_START_TLS},
    {"LOGINDISABLED", IMAP_REFUSES_LOGIN},
    {"ENABLE", IMAP_AFTER_LOGIN},
    {"UNAUTHENTICATE", IMAP_AFTER_LOGIN},
    {"UTF8=ACCEPT", IMAP_AFTER_LOGIN},
    {"NAMESPACE", IMAP_AFTER_LOGIN},
    {"CHILDREN", IMAP_AFTER_LOGIN},
    {"LIST-EXTENDED", IMAP_AFTER_LOGIN},
    {"LIST-STATUS", IMAP_AFTER_LOGIN},
    {"SPECIAL-USE", IMAP_AFTER_LOGIN},
    {"CREATE-SPECIAL-USE", IMAP_AFTER_LOGIN},
    {"STATUS=SIZE", IMAP_AFTER_LOGIN},
    {"UNSELECT", IMAP_AFTER_LOGIN},
    {"IDLE", IMAP_AFTER_LOGIN},
    {"UIDPLUS", IMAP_AFTER_LOGIN},
    {"MULTIAPPEND", IMAP_AFTER_LOGIN},
    {"MOVE", IMAP_AFTER_LOGIN},
    {"ESEARCH", IMAP_AFTER_LOGIN},
    {"SORT", IMAP_AFTER_LOGIN},
    {"SORT=DISPLAY", IMAP_AFTER_LOGIN},
    {"ESORT", IMAP_AFTER_LOGIN},
    {"SEARCH=FUZZY", IMAP_AFTER_LOGIN},
    {"FILTERS", IMAP_AFTER_LOGIN},
    {"THREAD=ORDEREDSUBJECT", IMAP_AFTER_LOGIN},
    {"THREAD=REFERENCES", IMAP_AFTER_LOGIN},
    {"PARTIAL", IMAP_AFTER_LOGIN},
    {"MULTISEARCH", IMAP_AFTER_LOGIN},
    {"NOTIFY", IMAP_AFTER_LOGIN},
    {"PREVIEW", IMAP_AFTER_LOGIN},
    {"INPROGRESS", IMAP_AFTER_LOGIN},
    {"UIDONLY", IMAP_AFTER_LOGIN},
    {"REPLACE", IMAP_AFTER_LOGIN},
    {"CATENATE", IMAP_AFTER_LOGIN},
    {"URLAUTH", IMAP_AFTER_LOGIN},
    {"I18NLEVEL=1", IMAP_AFTER_LOGIN},
    {"LANGUAGE", IMAP_AFTER_LOGIN},
    {"WITHIN", IMAP_AFTER_LOGIN},
    {"SEARCHRES", IMAP_AFTER_LOGIN},
    {"CONDSTORE", IMAP_AFTER_LOGIN},
    {"QRESYNC", IMAP_AFTER_LOGIN},
    {"SAVEDATE", IMAP_AFTER_LOGIN},
    {"OBJECTID", IMAP_AFTER_LOGIN},
    {"BINARY", IMAP_AFTER_LOGIN},
    {"COMPRESS=DEFLATE", IMAP_AFTER_LOGIN},
    {"ACL", IMAP_AFTER_LOGIN},
    {"RIGHTS=kxte", IMAP_AFTER_LOGIN},
    {"LIST-MYRIGHTS", IMAP_AFTER_LOGIN},
    {"METADATA", IMAP_AFTER_LOGIN},
    {"QUOTA", IMAP_AFTER_LOGIN},
    {"QUOTA=RES-STORAGE", IMAP_AFTER_LOGIN},
    {"QUOTA=RES-MESSAGE", IMAP_AFTER_LOGIN},
};

void imap_capability_put(struct buffer *out, const struct imap_offer *offer)
{
    buffer_append(out, TEXT("CAPABILITY"));
    for (unsigned i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
        if ((capabilities[i].needs & ~offer->situation) == 0)
            buffer_printf(out, " %s", capabilities[i].name);
    if ((offer->situation & IMAP_AFTER_LOGIN) != 0)
        buffer_printf(out, " APPENDLIMIT=%" PRIu64, offer->append_bytes);
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++)
        if ((offer->mechanisms & MECHANISM_BIT(i)) != 0)
            buffer_printf(out, " AUTH=%s", mechanism_rows[i].name);
}
