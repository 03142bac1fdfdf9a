// An HTTP/1.1 server that notes when each request arrived, in nanoseconds of CLOCK_MONOTONIC, and answers at once.
//
//   arrivals PORT FILE MOST
//
// One thread, one epoll. On SIGTERM it writes the moments to FILE, as 64-bit integers in the order of arrival.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 65536, ROOM = 8192 };

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

struct connection {
    char *bytes;
    size_t used;
    size_t left;  // of a body
};

static struct connection connections[CONNECTIONS];
static volatile sig_atomic_t over;

static void end(int signal) { (void)signal; over = 1; }

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    size_t most = strtoull(arguments[3], NULL, 10), arrived = 0;
    int64_t *moments = malloc(most * sizeof *moments);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listening, (struct sockaddr *)&at, sizeof at) || listen(listening, 4096)) return 1;
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, ready[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
    while (!over) {
        int found = epoll_wait(poll, ready, 512, 1000);
        for (int index = 0; index < found; index++) {
            int fd = ready[index].data.fd;
            if (fd == listening) {
                int accepted;
                while ((accepted = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    if (accepted >= CONNECTIONS) { close(accepted); continue; }
                    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                    struct connection *fresh = &connections[accepted];
                    if (!fresh->bytes) fresh->bytes = malloc(ROOM + 1);
                    fresh->used = fresh->left = 0;
                    struct epoll_event reading = {.events = EPOLLIN, .data.fd = accepted};
                    epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &reading);
                }
                continue;
            }
            struct connection *one = &connections[fd];
            ssize_t got = recv(fd, one->bytes + one->used, ROOM - one->used, 0);
            int64_t at_ns = now_ns();
            if (got <= 0) {
                if (got == 0 || errno != EAGAIN) close(fd);
                continue;
            }
            one->used += (size_t)got;
            for (;;) {
                if (one->left) {
                    size_t taken = one->left < one->used ? one->left : one->used;
                    memmove(one->bytes, one->bytes + taken, one->used - taken);
                    one->used -= taken;
                    one->left -= taken;
                    if (one->left) break;
                    send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
                    continue;
                }
                one->bytes[one->used] = 0;
                char *head_end = strstr(one->bytes, "\r\n\r\n");
                if (!head_end) break;
                if (arrived < most) moments[arrived++] = at_ns;
                char *length = strcasestr(one->bytes, "content-length:");
                size_t head = (size_t)(head_end - one->bytes) + 4;
                size_t body = length && length < head_end ? strtoull(length + 15, NULL, 10) : 0;
                memmove(one->bytes, one->bytes + head, one->used - head);
                one->used -= head;
                if (body) one->left = body;
                else send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
            }
        }
    }
    FILE *file = fopen(arguments[2], "wb");
    if (!file) return 1;
    fwrite(moments, sizeof *moments, arrived, file);
    return fclose(file) ? 1 : 0;
}
