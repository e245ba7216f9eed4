#include "proc/mechanisms.h"

const struct mechanism_row mechanism_rows[MECHANISM_COUNT] = {
    [MECHANISM_PLAIN] = {"PLAIN", "plain", MECHANISM_PLAIN_TEXT | MECHANISM_STANDARD},
    [MECHANISM_LOGIN] = {"LOGIN", "login", MECHANISM_PLAIN_TEXT | MECHANISM_STANDARD},
};

enum mechanism mechanism_find(struct text name)
{
    enum mechanism found = 0;
    while (found < MECHANISM_COUNT &&
           !text_equals_nocase(name, text_from(mechanism_rows[found].name)))
        found++;
    return found;
}

void mechanism_write(uint32_t set, struct buffer *out)
{
    const char *space = "";
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
        if ((set & MECHANISM_BIT(i)) == 0)
            continue;
        buffer_printf(out, "%s%s", space, mechanism_rows[i].name);
        space = " ";
    }
}
