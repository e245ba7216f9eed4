/* The send role's part in logins by token: it asks the authority of the settings (RFC 7662). */
#ifndef MAIN_INTROSPECT_H
#define MAIN_INTROSPECT_H

#include "proc/role.h"

struct introspect;

struct introspect *introspect_new(struct role_context *context);
/* REFUSED or TRY_LATER when DNS cannot be set up. YIELDS. */
enum status introspect_start(struct introspect *introspect);
/* Questions under way get their answers first. Accepts NULL. YIELDS. */
void introspect_stop(struct introspect **introspect);
/* Serves INTROSPECT_TOKEN. YIELDS. */
void introspect_serve(struct introspect *introspect, struct rpc_call *call, struct text token);

#endif
