/*
 * Preloaded: while the file that FAIL_IO_FLAG names exists, each write and sync below the directory that FAIL_IO_BELOW
 * names fails with EIO, as those of a dying disk.
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

static int fails(int descriptor) {
  const char *flag = getenv("FAIL_IO_FLAG");
  const char *below = getenv("FAIL_IO_BELOW");
  int before = errno;
  int is_failing = 0;
  if (flag != NULL && below != NULL && access(flag, F_OK) == 0) {
    char link[64], path[PATH_MAX] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    is_failing = readlink(link, path, sizeof path - 1) > 0 && strncmp(path, below, strlen(below)) == 0;
  }
  errno = is_failing ? EIO : before;
  return is_failing;
}

#define GUARD(result, name, parameters, arguments)                          \
  result name parameters {                                                 \
    static result(*original) parameters;                                   \
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, #name);    \
    return fails(descriptor) ? -1 : original arguments;                     \
  }

GUARD(ssize_t, write, (int descriptor, const void *octets, size_t length), (descriptor, octets, length))
GUARD(ssize_t, pwrite, (int descriptor, const void *octets, size_t length, off_t at), (descriptor, octets, length, at))
GUARD(ssize_t, pwrite64, (int descriptor, const void *octets, size_t length, off64_t at),
      (descriptor, octets, length, at))
GUARD(int, fsync, (int descriptor), (descriptor))
GUARD(int, fdatasync, (int descriptor), (descriptor))
GUARD(int, ftruncate, (int descriptor, off_t length), (descriptor, length))
GUARD(int, ftruncate64, (int descriptor, off64_t length), (descriptor, length))
