/* One running role: its context, its channels, its program's state. The same code serves a role
 * that has a process of its own and one that is a few tasks among others (--one-process). */
#ifndef PROC_INSTANCE_H
#define PROC_INSTANCE_H

#include "base/memory.h"
#include "proc/role.h"

struct role_instance;

/* The role's tasks live in a group of the instance's own. */
struct role_instance *role_instance_new(const struct role_program *program, unsigned number);

/* Before start: its data is on this disk. For the simulation. */
void role_instance_disk(struct role_instance *instance, const struct role_disk *disk);

/* What the parent sends at start and at each reload. */
struct role_configuration {
    uint64_t version;
    struct text source;  /* settings_source_encode */
    struct text files;   /* wire texts: path, bytes, ... */
    struct text secrets; /* wire texts: name, value, ... */
};
void role_configuration_encode(const struct role_configuration *configuration, struct buffer *out);
/* Borrowed from bytes. False when malformed. */
bool role_configuration_decode(struct text bytes, struct role_configuration *configuration);

/* How a process stands with its memory. */
void memory_report_encode(const struct memory_now *now, struct buffer *out);
bool memory_report_decode(struct text bytes, struct memory_now *now);

/* Take up settings (again). REFUSED: nothing changed. */
enum status role_instance_configure(struct role_instance *instance,
                                    const struct role_configuration *configuration);
const struct settings *role_instance_settings(const struct role_instance *instance);
/* Use fd as the channel to a peer. REFUSED when the table has no such channel. */
enum status role_instance_connect(struct role_instance *instance, enum role_kind kind,
                                  unsigned number, int fd);
/* front: accept on fd for this server; and no longer on the one bound to address (as text). */
enum status role_instance_listen(struct role_instance *instance, struct text server,
                                 enum service service, int fd);
void role_instance_unlisten(struct role_instance *instance, struct text address);
void role_instance_admin(struct role_instance *instance, int fd);
/* front, once and before start: count connections here (owned from now on). */
void role_instance_seats(struct role_instance *instance, struct seats *seats);
/* front: session tickets are sealed with these keys (tls_tickets_set) from now on. */
enum status role_instance_tickets(struct role_instance *instance, struct text keys);
/* front: end the sessions of a server. YIELDS. */
enum status role_instance_end_server(struct role_instance *instance, struct text server);
/* YIELDS. */
enum status role_instance_start(struct role_instance *instance);
/* Stops, closes channels, frees. Accepts NULL. YIELDS. */
void role_instance_stop(struct role_instance **instance);

/* What every serving process does first: ignore SIGPIPE, take all the descriptors it may have,
 * leave no core file. */
void process_prepare(void);
/* main() of a role's own program: the parent is on descriptor 3. Returns the exit status. */
int role_process_main(const struct role_program *program, int count, char **arguments);

/* What the parent asks of a role's process, over descriptor 3. */
enum parent_method {
    PARENT_CONFIGURE = 1, /* role_configuration */
    PARENT_CONNECT = 2,   /* u8 kind, u32 number, with fd */
    PARENT_LISTEN = 3,    /* text server, u8 service, with fd */
    PARENT_UNLISTEN = 4,  /* text address */
    PARENT_ADMIN = 5,     /* with fd */
    PARENT_START = 6,
    PARENT_STOP = 7,
    PARENT_SEATS = 8,       /* with fd */
    PARENT_TICKETS = 9,     /* keys, see tls_tickets_set */
    PARENT_END_SERVER = 10, /* name */
    PARENT_MEMORY = 11,     /* answers with memory_report_encode */
};

#endif
