/* An installation as the parent and the command line see it: the settings file, what it names, and
 * the sockets it listens on. */
#ifndef MAIN_SITE_H
#define MAIN_SITE_H

#include "proc/instance.h"
#include "proc/settings.h"

/* What was read for one version of the settings. */
struct site {
    struct settings *settings;
    struct buffer configuration; /* role_configuration_encode: what each role is sent */
    struct buffer configuration_with_secrets; /* the same for roles that log in elsewhere */
};

/* Read the settings file, the certificate and key, the secrets directory ("secrets" beside the
 * file). REFUSED with every error in `errors`, which also gets warnings. Blocks. */
enum status site_load(const char *path, uint64_t version, struct buffer *errors, struct site *out);
void site_free(struct site *site);
/* Make the data and run directories and those of the roles, owned by the roles' users. */
enum status site_make_directories(const struct site *site);
/* <run>/<role>.sock; parent's too. In out, NUL-ended. */
bool site_socket_path(const struct settings *settings, enum role_kind role, char out[108]);
/* Listen on a control socket for the owner alone. */
enum status site_listen_admin(const struct settings *settings, enum role_kind role, int *fd);

/* A socket of the settings' servers. */
struct site_listener {
    int fd;
    struct text server; /* borrowed from the settings they were opened with */
    enum service service;
    struct net_address address;
    bool is_new; /* was opened by this site_listen */
};
/* Open those that `before` does not have (address, server and service the same); take those it has
 * over (their fd in before becomes -1). REFUSED with all failures joined; then the new ones are
 * closed and before is as it was. */
enum status site_listen(const struct settings *settings, struct site_listener *before,
                        unsigned before_count, struct site_listener *out, unsigned *count);

/* <directory of this program>/../libexec/<name>, or the installed one. */
bool site_program_path(const char *name, char out[4096]);

#endif
