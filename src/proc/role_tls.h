/* The TLS contexts of front, one for each server of the settings that has a certificate. */
#ifndef PROC_ROLE_TLS_H
#define PROC_ROLE_TLS_H

#include "base/wire.h"
#include "net/tls.h"
#include "settings/settings.h"

/* files: wire texts path, bytes ..., of those that the settings name. The array has a place for
 * each server. REFUSED with file and reason. */
enum status role_tls_open(const struct settings *settings, struct text files,
                          struct tls_tickets *tickets, struct tls_context ***out);
/* settings: those it was opened for. Accepts NULL. */
void role_tls_close(const struct settings *settings, struct tls_context ***contexts);

#endif
