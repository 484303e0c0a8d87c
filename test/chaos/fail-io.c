/*
 * Preloaded: while the file FAIL_IO_FLAG.writes exists, each write and sync below the directory that FAIL_IO_BELOW names
 * fails with EIO, as those of a dying disk; while FAIL_IO_FLAG.reads exists, each read; while FAIL_IO_FLAG.syncs, each sync.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(const char *what, int descriptor) {
  const char *base = getenv("FAIL_IO_FLAG");
  const char *below = getenv("FAIL_IO_BELOW");
  int before = errno;
  int is_failing = 0;
  char flag[PATH_MAX] = {0};
  if (base != NULL) snprintf(flag, sizeof flag, "%s.%s", base, what);
  if (base != NULL && below != NULL && access(flag, F_OK) == 0) {
    char link[64], path[PATH_MAX] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    is_failing = readlink(link, path, sizeof path - 1) > 0 && strncmp(path, below, strlen(below)) == 0;
  }
  errno = is_failing ? EIO : before;
  return is_failing;
}

#define GUARD(what, result, name, parameters, arguments)                    \
  result name parameters {                                                 \
    static result(*original) parameters;                                   \
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, #name);    \
    return fails(what, descriptor) ? -1 : original arguments;               \
  }

#define GUARD_SYNC(name)                                                             \
  int name(int descriptor) {                                                        \
    static int (*original)(int);                                                    \
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, #name);             \
    return fails("writes", descriptor) || fails("syncs", descriptor) ? -1 : original(descriptor); \
  }

GUARD("writes", ssize_t, write, (int descriptor, const void *octets, size_t length), (descriptor, octets, length))
GUARD("writes", ssize_t, pwrite, (int descriptor, const void *octets, size_t length, off_t at),
      (descriptor, octets, length, at))
GUARD("writes", ssize_t, pwrite64, (int descriptor, const void *octets, size_t length, off64_t at),
      (descriptor, octets, length, at))
GUARD_SYNC(fsync)
GUARD_SYNC(fdatasync)
GUARD("writes", int, ftruncate, (int descriptor, off_t length), (descriptor, length))
GUARD("writes", int, ftruncate64, (int descriptor, off64_t length), (descriptor, length))
GUARD("reads", ssize_t, pread, (int descriptor, void *octets, size_t length, off_t at), (descriptor, octets, length, at))
GUARD("reads", ssize_t, pread64, (int descriptor, void *octets, size_t length, off64_t at),
      (descriptor, octets, length, at))
