/* Calls of RocksDB that fail on demand, as it tells of damage and of errors of the medium. What is
 * young stands in its memory: no call to the kernel could fail for it. */
#include <dlfcn.h>
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

/* The library's own of that name. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static bool fails(char **error)
{
    if (!faults_take(FAULT_INDEX))
        return false;
    *error = strdup("IO error: it was its turn");
    return true;
}

rocksdb_pinnableslice_t *rocksdb_get_pinned(rocksdb_t *db, const rocksdb_readoptions_t *options,
                                            const char *key, size_t length, char **error)
{
    return fails(error) ? NULL : REAL(rocksdb_get_pinned)(db, options, key, length, error);
}

void rocksdb_iter_get_error(const rocksdb_iterator_t *at, char **error)
{
    if (!fails(error))
        REAL(rocksdb_iter_get_error)(at, error);
}

void rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options,
                   rocksdb_writebatch_t *batch, char **error)
{
    if (!fails(error))
        REAL(rocksdb_write)(db, options, batch, error);
}

void rocksdb_flush(rocksdb_t *db, const rocksdb_flushoptions_t *options, char **error)
{
    if (!fails(error))
        REAL(rocksdb_flush)(db, options, error);
}
