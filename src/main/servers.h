/* The virtual servers as an administrator orders them: paused (no new connections; those that there
 * are go on), stopped (nor those), or running. Orders count for a server's name until the parent
 * ends, over reloads too. */
#ifndef MAIN_SERVERS_H
#define MAIN_SERVERS_H

#include "admin/verbs_parent.h"
#include "main/site.h"

struct servers {
    struct site *site; /* current */
    /* The fronts are to listen as the site does now; old has the sockets that go. YIELDS. */
    void (*relisten)(void *context, const struct site *old);
    /* The sessions of a server end now. YIELDS. */
    void (*end_sessions)(void *context, struct text server);
    void *context;
};

/* REFUSED: there is no such server, it is so already, or its sockets can't be had back. YIELDS. */
enum status servers_order(struct servers *servers, struct text name, enum server_order order);
/* Name, state and sockets of each. */
void servers_list(const struct site *site, bool json, struct buffer *out);

#endif
