/* Who is at a site, besides what its settings say: passwords, and a mailing group. */
#ifndef TESTS_SIM_PEOPLE_H
#define TESTS_SIM_PEOPLE_H

#include "ledger.h"

struct settings;
struct role_disk;

#define PEOPLE_PASSWORD "secret"

/* Before its roles start, each time: what the directory has already stays. Its directories are
 * made, and its log is on this disk. YIELDS. */
void people_settle(char site, struct settings *settings, const struct role_disk *disk);
/* "all@a.test": its users, one of the other site, and one outside. */
void people_group(unsigned site, char out[LEDGER_ADDRESS_BYTES]);
/* Bits: recipients. */
uint16_t people_members(unsigned site);
/* The same for an address, of a group or of one. */
uint16_t people_meant(const char *address);

#endif
