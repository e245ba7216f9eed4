#include "main/programs.h"
#include "proc/instance.h"

int main(int count, char **arguments)
{
    return role_process_main(&send_program, count, arguments);
}
