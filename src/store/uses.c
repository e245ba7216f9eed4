#include "store/uses.h"

const struct mailbox_use_name mailbox_use_names[MAILBOX_USES] = {
    {"\\All", USE_ALL},         {"\\Archive", USE_ARCHIVE}, {"\\Drafts", USE_DRAFTS},
    {"\\Flagged", USE_FLAGGED}, {"\\Junk", USE_JUNK},       {"\\Sent", USE_SENT},
    {"\\Trash", USE_TRASH},
};

unsigned mailbox_use_named(struct text name)
{
    for (unsigned i = 0; i < MAILBOX_USES; i++)
        if (text_equals_nocase(name, text_from(mailbox_use_names[i].name)))
            return mailbox_use_names[i].use;
    return 0;
}
