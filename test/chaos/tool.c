/*
 * Stands in for ip, nft and fping: sends its name, its arguments and its standard input to the walk, which plays the
 * tool, and does what the walk says. A walk that hangs up without an exit status has it die as by kill -9.
 */
#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void write_all(int to, const char *octets, size_t length) {
  while (length > 0) {
    ssize_t written = write(to, octets, length);
    if (written <= 0) exit(1);
    octets += written;
    length -= (size_t)written;
  }
}

static int read_all(int from, char *octets, size_t length) {
  while (length > 0) {
    ssize_t taken = read(from, octets, length);
    if (taken <= 0) return 0;
    octets += taken;
    length -= (size_t)taken;
  }
  return 1;
}

static int connect_to_walk(void) {
  char self[PATH_MAX] = {0};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) exit(1);
  snprintf(address.sun_path, sizeof address.sun_path, "%s/tools", dirname(self));
  int walk = socket(AF_UNIX, SOCK_STREAM, 0);
  if (walk < 0 || connect(walk, (struct sockaddr *)&address, sizeof address) < 0) exit(1);
  return walk;
}

int main(int count, char **arguments) {
  char octets[65536];
  ssize_t taken;
  int walk = connect_to_walk();
  for (int i = 0; i < count; i++) write_all(walk, arguments[i], strlen(arguments[i]) + 1);
  write_all(walk, "", 1); /* an empty argument ends them */
  while ((taken = read(0, octets, sizeof octets)) > 0) write_all(walk, octets, (size_t)taken);
  shutdown(walk, SHUT_WR);
  for (;;) {
    unsigned char channel; /* 0: exit status, 1 and 2: outputs */
    uint32_t value;        /* the status, or how many octets follow */
    if (!read_all(walk, (char *)&channel, 1) || !read_all(walk, (char *)&value, 4)) raise(SIGKILL);
    value = ntohl(value);
    if (channel == 0) return (int)value;
    while (value > 0) {
      size_t part = value < sizeof octets ? value : sizeof octets;
      if (!read_all(walk, octets, part)) raise(SIGKILL);
      write_all(channel, octets, part);
      value -= (uint32_t)part;
    }
  }
}
