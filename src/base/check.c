/* How a bug ends the process: one line, the stack, abort. */
#include "base/check.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/logline.h"

void check_failed(const char *condition, const char *file, int line)
{
    void *frames[64];
    int count = backtrace(frames, 64);
    log_write_gathered();
    fprintf(stderr, "level=bug event=check.failed condition=\"%s\" at=%s:%d\n", condition, file,
            line);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    abort();
}
