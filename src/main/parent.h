/* `mailroot serve`: the parent. It binds, spawns the roles, hands each its settings and sockets,
 * restarts those that die, and parses nothing from the network. */
#ifndef MAIN_PARENT_H
#define MAIN_PARENT_H

/* Serve until SIGTERM or SIGINT. Returns the exit status. */
int parent_serve(const char *settings_path);

#endif
