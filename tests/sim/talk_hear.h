/* What an untagged response tells. */
#ifndef TESTS_SIM_TALK_HEAR_H
#define TESTS_SIM_TALK_HEAR_H

#include "talk.h"

/* response: whole, with its literals, behind "* ". */
void talk_hear(struct talk *talk, struct text response);
/* "[CODE words] ..." of a response, tagged or not. */
void talk_hear_code(struct talk *talk, struct text text);

#endif
