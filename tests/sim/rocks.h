/* RocksDB, as far as the index uses it (src/index/rocks.c): rocks.c has its calls that touch a
 * disk, which then stand for the library's; what is only a setting stays the library's. It keeps
 * what its process would: what was flushed outlives the process and a power cut, the rest is gone
 * with either; a flush that nobody waits for may be late. */
#ifndef TESTS_SIM_ROCKS_H
#define TESTS_SIM_ROCKS_H

/* What was flushed, of all folders, in a file that the next process begins with. */
void rocks_save(const char *path);
/* None if there is no such file. */
void rocks_restore(const char *path);
/* Forget it, before the sites start. */
void rocks_lose(const char *folder);

#endif
