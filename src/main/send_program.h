/* The role `send`: outgoing mail. */
#ifndef MAIN_SEND_PROGRAM_H
#define MAIN_SEND_PROGRAM_H

#include "proc/role.h"

extern const struct role_program send_program;

#endif
