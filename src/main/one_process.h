/* `mailroot serve --one-process`: every role as tasks of this process. For debuggers, sanitizers,
 * tests and tiny machines; the price is that a broken parser stands beside the mail. */
#ifndef MAIN_ONE_PROCESS_H
#define MAIN_ONE_PROCESS_H

/* Serve until SIGTERM or SIGINT. Returns the exit status. */
int one_process_serve(const char *settings_path);

#endif
