/* What the verbs of the parent process need of it. */
#ifndef ADMIN_VERBS_PARENT_H
#define ADMIN_VERBS_PARENT_H

#include "base/buffer.h"
#include "settings/settings.h"

/* What may be ordered of a virtual server. */
enum server_order { SERVER_START, SERVER_STOP, SERVER_PAUSE, SERVER_CONTINUE };

struct admin_parent {
    void *parent;
    /* Take up the settings file; messages gets errors, warnings, the outcome. YIELDS. */
    enum status (*reload)(void *parent, struct buffer *messages);
    void (*describe)(void *parent, bool json, struct buffer *out); /* YIELDS */
    const struct settings *(*settings)(void *parent);
    /* REFUSED: there is no such server, or the order is none for its state. YIELDS. */
    enum status (*order_server)(void *parent, struct text name, enum server_order order);
    void (*list_servers)(void *parent, bool json, struct buffer *out);
};

#endif
