#include "main/changing.h"

void changing_init(struct changing *changing)
{
    *changing = (struct changing){0};
    task_event_init(&changing->ended);
}

enum status changing_begin(struct changing *changing)
{
    enum status status = OK;
    while (changing->is_under_way && status == OK)
        status = task_event_wait(&changing->ended, NO_DEADLINE);
    if (status != OK)
        return try_later("the server ends");
    changing->is_under_way = true;
    return OK;
}

void changing_end(struct changing *changing)
{
    changing->is_under_way = false;
    task_event_tell_one(&changing->ended);
}
