/* A directory with all that is in it, copied or removed. Whoever else may write there can't make us
 * follow a link out of it: names are looked up in open directories, and only files and directories
 * are touched. Everything here blocks. */
#ifndef FOLDER_TREE_H
#define FOLDER_TREE_H

#include "base/status.h"

enum { FOLDER_TREE_DEPTH_MAX = 16 };

/* A directory by its path, for what follows; -1 with errno. */
int folder_tree_open(const char *path);
/* Make directory `name` in `to` that has what directory `from` has, with its owners and modes, on
 * stable storage. On one file system files are given a second name, so `from` must go, or no
 * file of it be written any more. TRY_LATER with the reason: a part may be there; REFUSED: there is
 * something else than files and directories. */
enum status folder_tree_copy(int from, int to, const char *name);
/* OK also when it is not there. TRY_LATER with the reason: a part may be left. */
enum status folder_tree_remove(int in, const char *name);

#endif
