#include "main/programs.h"
#include "proc/instance.h"

int main(int count, char **arguments)
{
    return role_process_main(&store_program, count, arguments);
}
