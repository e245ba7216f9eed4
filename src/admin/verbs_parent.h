/* What the verbs of the parent process need of it. */
#ifndef ADMIN_VERBS_PARENT_H
#define ADMIN_VERBS_PARENT_H

#include "base/buffer.h"
#include "proc/settings.h"

struct admin_parent {
    void *parent;
    /* Take up the settings file; messages gets errors, warnings, the outcome. YIELDS. */
    enum status (*reload)(void *parent, struct buffer *messages);
    void (*describe)(void *parent, bool json, struct buffer *out);
    const struct settings *(*settings)(void *parent);
};

#endif
