// The same load in C, as a measure of what it costs at least: an open-loop client at an even rate.
//
//   even_rate PORT RATE SECONDS CONNECTIONS
//
// It prints when the first request was due, as JSON.
// One thread, one epoll, one absolute timerfd; prepared messages; no parsing but for the end of an answer of known size.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 };

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    int port = atoi(arguments[1]), connections = atoi(arguments[4]), idle[MOST], free_ones = 0, yes = 1;
    double rate = atof(arguments[2]);
    int64_t total = (int64_t)(rate * atof(arguments[3])), start_ns = now_ns() + 300000000;
    int64_t due = 0, answered = 0, *due_ns = malloc((size_t)total * sizeof *due_ns);
    for (int64_t index = 0; index < total; index++) due_ns[index] = start_ns + (int64_t)((double)index / rate * 1e9);
    char body[301] = {0}, message[1024], answer[4096];
    memset(body, 'x', 300);
    int size = snprintf(message, sizeof message,
                        "POST /lab/orders HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                        "Content-Length: 300\r\n\r\n%s", port, body);
    int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = timer}, ready[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int index = 0; index < connections && index < MOST; index++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&at, sizeof at)) return 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        idle[free_ones++] = fd;
    }
    printf("{\"start_ns\": %lld}\n", (long long)start_ns);
    while (answered < total) {
        while (due < total && free_ones && due_ns[due] <= now_ns()) {
            if (send(idle[--free_ones], message, (size_t)size, MSG_NOSIGNAL) != size) return 1;
            due++;
        }
        if (due < total && free_ones) {
            struct itimerspec next = {.it_value = {due_ns[due] / 1000000000, due_ns[due] % 1000000000}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &next, NULL);
        } else {
            struct itimerspec off = {0};
            timerfd_settime(timer, 0, &off, NULL);
        }
        int found = epoll_wait(poll, ready, 512, -1);
        for (int index = 0; index < found; index++) {
            if (ready[index].data.fd == timer) continue;
            if (recv(ready[index].data.fd, answer, sizeof answer, 0) <= 0) return 1;
            answered++;
            idle[free_ones++] = ready[index].data.fd;
        }
    }
    return 0;
}
