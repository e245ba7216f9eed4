/* The network of the simulation: what the whole process takes for TCP on 127.0.0.1 are sockets of
 * another kind, which have no clock of their own. What is written is there at once, or there is no
 * room; so the same seed is the same run, whatever the machine is busy with. */
#ifndef TESTS_SIM_NETWORK_H
#define TESTS_SIM_NETWORK_H

#include <stdbool.h>

/* network.c has socket, bind, connect, accept4 and getsockname, which then stand for the C
 * library's. Linked in, that is all; the first port that the kernel chose is always the same. */
enum { NETWORK_FIRST_PORT = 20000 };

/* What comes by the accepted end goes on by the dialed one. */
void network_go_on(int accepted, int dialed);
/* Who dialed this, at the other end of all that it goes on by, has been accepted by a process that
 * has not died since. */
bool network_server_lives(int dialed);

#endif
