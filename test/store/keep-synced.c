/*
 * Preloaded: whenever a file of the folder KEEP_SYNCED_OF has been synced, its content is copied to the folder
 * KEEP_SYNCED_IN, and what is removed there when the folder itself has been: it holds what a power cut would leave.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void copy_to(const char *path, int from) {
  char octets[65536];
  int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  off_t at = 0;
  ssize_t length;
  while (to >= 0 && (length = pread(from, octets, sizeof octets, at)) > 0) {
    if (write(to, octets, length) != length) abort();
    at += length;
  }
  if (to < 0 || close(to) != 0) abort();
}

static void remove_others(const char *in, const char *of) {
  char copy[2 * PATH_MAX], path[2 * PATH_MAX];
  DIR *copies = opendir(in);
  for (struct dirent *each; copies != NULL && (each = readdir(copies)) != NULL;) {
    snprintf(copy, sizeof copy, "%s/%s", in, each->d_name);
    snprintf(path, sizeof path, "%s/%s", of, each->d_name);
    if (access(path, F_OK) != 0) unlink(copy);
  }
  if (copies != NULL) closedir(copies);
}

static void keep(int descriptor) {
  const char *of = getenv("KEEP_SYNCED_OF");
  const char *in = getenv("KEEP_SYNCED_IN");
  char link[64], path[PATH_MAX] = {0}, copy[2 * PATH_MAX];
  if (of == NULL || in == NULL) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (readlink(link, path, sizeof path - 1) <= 0 || strncmp(path, of, strlen(of)) != 0) return;
  if (strcmp(path, of) == 0) {
    remove_others(in, of);
    return;
  }
  int from = open(path, O_RDONLY);
  snprintf(copy, sizeof copy, "%s/%s", in, strrchr(path, '/') + 1);
  if (from < 0) return; /* it is gone already */
  copy_to(copy, from);
  close(from);
}

#define KEEP(name)                                                  \
  int name(int descriptor) {                                        \
    static int (*original)(int);                                    \
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, #name); \
    int result = original(descriptor);                              \
    if (result == 0) keep(descriptor);                              \
    return result;                                                  \
  }

KEEP(fsync)
KEEP(fdatasync)
