/* What each simulated process holds: descriptors, memory, and what it drew of the memory account.
 * One that is killed gives up all of it, as the kernel would see to.
 *
 * holdings.c has the allocator's and the kernel's calls that our code makes (see the Makefile,
 * --wrap); libraries' own are not counted. Whoever runs takes them up: the task's process, or that
 * of the job that is done for it. */
#ifndef TESTS_SIM_HOLDINGS_H
#define TESTS_SIM_HOLDINGS_H

#include <stddef.h>

enum { PROCESSES_MOST = 16 };

/* What is taken up from here to the end is the kernel's, which is killed with nobody. Nests. */
void holdings_kernel_begin(void);
void holdings_kernel_end(void);
/* The work of a thread is done in place, for this process; 0: it has ended. */
void holdings_job_of(unsigned process);
/* The one that takes up what is taken up now; 0: none that is killed. */
unsigned holdings_taker(void);
/* A descriptor becomes that of another process. */
void holdings_hand_over(int fd, unsigned process);

struct holdings {
    size_t blocks, bytes, descriptors;
};
struct holdings holdings_of(unsigned process);
/* It was killed, and nothing of it runs any more. */
void holdings_give_up(unsigned process);

#endif
