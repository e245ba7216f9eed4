/* The programs of the roles: what each does once it runs. */
#ifndef MAIN_PROGRAMS_H
#define MAIN_PROGRAMS_H

#include "proc/role.h"

extern const struct role_program front_program;
extern const struct role_program store_program;
extern const struct role_program auth_program;
extern const struct role_program send_program;

#endif
