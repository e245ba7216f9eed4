/* A verb run without a server: the directory or the store is opened here, for the one call. */
#ifndef MAIN_OFFLINE_H
#define MAIN_OFFLINE_H

/* words: the verb and its arguments; a password, if the verb takes one, is read from standard
 * input. Returns the exit status. */
int offline_run(const char *settings_path, int count, char **words);

#endif
