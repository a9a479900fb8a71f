/*
 * The least that a supervisor can do, as a measure: no configuration, no states, no interface.
 *
 *   bare keep COUNT LOGS PROGRAM [ARGUMENT]   starts COUNT, and each again as soon as it ends;
 *                                             when stdin ends: stops all, waits for all, and
 *                                             prints the nanoseconds that this took
 *   bare copy COUNT LOGS PROGRAM ARGUMENT...  starts COUNT once, copies what they write to their
 *                                             logs until all have ended, prints the bytes, and
 *                                             sleeps, so that its CPU time can be read
 *
 * System calls, for one start:   pipe2, openat (the log); vfork; in the child setpgid, dup2, dup2,
 *                                execve; in the parent close
 *                for one end:    waitid, then as for one start (the pipe and the log are closed)
 *                for one stop:   kill, waitid
 *                for one chunk:  epoll_wait, read, write
 *                for a rotation: close, for each backup access and rename, rename, openat
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BACKUPS = 10, ROTATE_AT = 50 * 1024 * 1024, CHUNK = 128 * 1024 };

struct program {
    pid_t pid;
    int pipe, log;
    long position;
    char path[200];
};

static struct program *programs;
static long count;
static char **words;
extern char **environ;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void start(struct program *p)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe2");
    p->pipe = ends[0];
    p->log = open(p->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (p->log < 0)
        die(p->path);
    pid_t pid = vfork();
    if (pid < 0)
        die("vfork");
    if (pid == 0) {
        setpgid(0, 0);
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execve(words[0], words, environ);
        _exit(127);
    }
    p->pid = pid;
    close(ends[1]);
}

static void rotate(struct program *p)
{
    char from[220], to[220];
    close(p->log);
    for (int i = BACKUPS - 1; i > 0; i--) {
        snprintf(from, sizeof from, "%s.%d", p->path, i);
        snprintf(to, sizeof to, "%s.%d", p->path, i + 1);
        if (access(from, F_OK) == 0)
            rename(from, to);
    }
    snprintf(to, sizeof to, "%s.1", p->path);
    rename(p->path, to);
    p->log = open(p->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    p->position = 0;
}

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static struct program *of(pid_t pid)
{
    for (long i = 0; i < count; i++)
        if (programs[i].pid == pid)
            return &programs[i];
    return NULL;
}

static void keep(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    int deaths = signalfd(-1, &set, SFD_CLOEXEC);
    struct pollfd wait[2] = { { 0, POLLIN, 0 }, { deaths, POLLIN, 0 } };
    while (poll(wait, 2, -1) >= 0 && wait[0].revents == 0) {
        struct signalfd_siginfo info;
        if (read(deaths, &info, sizeof info) < 0)
            die("signalfd");
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
            struct program *p = of(pid);
            close(p->pipe);
            close(p->log);
            start(p);
        }
    }
    long begun = now();
    for (long i = 0; i < count; i++)
        kill(programs[i].pid, SIGTERM);
    while (wait4(-1, NULL, 0, NULL) > 0) {
    }
    printf("%ld\n", now() - begun);
}

static void copy(void)
{
    static char buffer[CHUNK];
    int all = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < count; i++) {
        struct epoll_event event = { EPOLLIN, { .ptr = &programs[i] } };
        epoll_ctl(all, EPOLL_CTL_ADD, programs[i].pipe, &event);
    }
    long open = count, bytes = 0;
    struct epoll_event events[64];
    while (open > 0) {
        int ready = epoll_wait(all, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            struct program *p = events[i].data.ptr;
            ssize_t length = read(p->pipe, buffer, sizeof buffer);
            if (length <= 0) {
                close(p->pipe);
                open--;
                continue;
            }
            if (write(p->log, buffer, length) != length)
                die("write");
            bytes += length;
            p->position += length;
            if (p->position >= ROTATE_AT)
                rotate(p);
        }
    }
    printf("%ld\n", bytes);
}

int main(int number, char **arguments)
{
    if (number < 5)
        return 2;
    count = atol(arguments[2]);
    words = arguments + 4;
    programs = calloc(count, sizeof *programs);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    int keeps = strcmp(arguments[1], "keep") == 0;
    if (keeps)
        sigprocmask(SIG_BLOCK, &set, NULL);
    for (long i = 0; i < count; i++) {
        snprintf(programs[i].path, sizeof programs[i].path, "%s/log-%ld", arguments[3], i);
        start(&programs[i]);
    }
    if (keeps) {
        keep();
        return 0;
    }
    copy();
    fflush(stdout);
    for (;;)
        pause();
}
