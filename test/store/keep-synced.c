/*
 * Preloaded: copies what a file of the folder KEEP_SYNCED_OF has been given to the folder KEEP_SYNCED_IN when the file is
 * synced, block by block, and removes there what is gone when the folder itself is: it holds what a power cut would leave.
 * While the file KEEP_SYNCED_FAIL exists the next sync of a log fails with EIO, and removes it. As with Linux, what was to
 * be synced counts as clean then: no later sync writes it.
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
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096
#define BLOCKS 65536
#define FILES 16

struct kept {
  char path[PATH_MAX];
  unsigned char is_dirty[BLOCKS];
};
static struct kept files[FILES];

/* The file behind a descriptor, if it is one of the folder. */
static struct kept *kept_of(int descriptor) {
  const char *of = getenv("KEEP_SYNCED_OF");
  char link[64], path[PATH_MAX] = {0};
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (of == NULL || readlink(link, path, sizeof path - 1) <= 0 || strncmp(path, of, strlen(of)) != 0) return NULL;
  for (int i = 0; i < FILES; i++) {
    if (files[i].path[0] == 0) strcpy(files[i].path, path);
    if (strcmp(files[i].path, path) == 0) return &files[i];
  }
  abort();
}

static void note(int descriptor, size_t length, off_t at) {
  int before = errno;
  struct kept *file = kept_of(descriptor);
  for (off_t i = at / BLOCK; file != NULL && i <= (off_t)(at + length - 1) / BLOCK && i < BLOCKS; i++) file->is_dirty[i] = 1;
  errno = before;
}

static void copy_name(char *copy, const char *path) {
  snprintf(copy, 2 * PATH_MAX, "%s/%s", getenv("KEEP_SYNCED_IN"), strrchr(path, '/') + 1);
}

static ssize_t (*write_at)(int, const void *, size_t, off_t);

static void copy_dirty(struct kept *file) {
  char octets[BLOCK], copy[2 * PATH_MAX];
  struct stat status;
  int from = open(file->path, O_RDONLY);
  if (from < 0) return; /* it is gone already */
  copy_name(copy, file->path);
  int to = open(copy, O_WRONLY | O_CREAT, 0600);
  if (to < 0 || fstat(from, &status) != 0) abort();
  for (off_t i = 0; i < BLOCKS && i * BLOCK < status.st_size; i++) {
    ssize_t length = file->is_dirty[i] ? pread(from, octets, BLOCK, i * BLOCK) : 0;
    if (length > 0 && write_at(to, octets, length, i * BLOCK) != length) abort();
  }
  if (ftruncate(to, status.st_size) != 0) abort();
  close(from);
  close(to);
}

static void remove_others(const char *of) {
  const char *in = getenv("KEEP_SYNCED_IN");
  char copy[2 * PATH_MAX], path[2 * PATH_MAX];
  DIR *copies = opendir(in);
  for (struct dirent *each; copies != NULL && (each = readdir(copies)) != NULL;) {
    snprintf(copy, sizeof copy, "%s/%s", in, each->d_name);
    snprintf(path, sizeof path, "%s/%s", of, each->d_name);
    if (access(path, F_OK) != 0) unlink(copy);
  }
  if (copies != NULL) closedir(copies);
}

/* Whether the sync is one that fails. */
static int synced(int descriptor) {
  const char *fail = getenv("KEEP_SYNCED_FAIL");
  struct kept *file = kept_of(descriptor);
  if (file == NULL) return 0;
  const char *ending = strrchr(file->path, '-');
  int fails = fail != NULL && ending != NULL && strcmp(ending, "-wal") == 0 && unlink(fail) == 0;
  if (strcmp(file->path, getenv("KEEP_SYNCED_OF")) == 0) remove_others(file->path);
  else if (!fails) copy_dirty(file);
  memset(file->is_dirty, 0, sizeof file->is_dirty);
  return fails;
}

#define SYNC(name)                                                       \
  int name(int descriptor) {                                             \
    static int (*original)(int);                                         \
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, #name);  \
    if (original(descriptor) != 0) return -1;                            \
    if (!synced(descriptor)) return 0;                                   \
    errno = EIO;                                                         \
    return -1;                                                           \
  }

#define WRITE(name)                                                                          \
  ssize_t name(int descriptor, const void *octets, size_t length, off_t at) {                \
    static ssize_t (*original)(int, const void *, size_t, off_t);                            \
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, #name);                      \
    write_at = original;                                                                     \
    note(descriptor, length, at);                                                            \
    return original(descriptor, octets, length, at);                                         \
  }

SYNC(fsync)
SYNC(fdatasync)
WRITE(pwrite)
WRITE(pwrite64)
