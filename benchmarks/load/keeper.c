/* Keeps a server and all that descends from it together: keeper PROGRAM ARGUMENT …
 *
 * Servers that fork leave orphans, whose processor time nobody would be charged for. Here they come back to the keeper,
 * which reaps them. Passes SIGTERM on, gets it when its parent dies, and ends with the server. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t server;

static void pass_on(int number) {
    if (server > 0)
        kill(server, number);
}

int main(int argc, char **argv) {
    int status;
    pid_t ended;
    if (argc < 2)
        return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    server = fork();
    if (server == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    signal(SIGTERM, pass_on);
    while ((ended = wait(&status)) != server)
        if (ended < 0 && errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
