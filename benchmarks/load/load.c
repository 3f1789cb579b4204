/* A load on an FTPS server: load MEASURE key=value …
 *
 * Signs in, prints "ready", works when a line comes on its standard input, prints one JSON object, and signs out at the
 * next line. So whoever started it can look at the server before, right after, and while the sessions are still there.
 * Ends at the end of its standard input, and after "limit" seconds whatever happens. */
#define _GNU_SOURCE
#include "ftp.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int argc_;
static char **argv_;

static const char *text(const char *key, const char *otherwise) {
    size_t length = strlen(key);
    for (int i = 2; i < argc_; i++)
        if (strncmp(argv_[i], key, length) == 0 && argv_[i][length] == '=')
            return argv_[i] + length + 1;
    if (otherwise == NULL)
        die("%s= is missing", key);
    return otherwise;
}

static long number(const char *key, long otherwise) {
    const char *value = text(key, "");
    return *value ? atol(value) : otherwise;
}

static void wait_for_line(void) {
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(0);
}

static void say(const char *word) {
    puts(word);
    fflush(stdout);
}

/* Tell whether there was any time left. */
static int sleep_until(double moment) {
    double wait = moment - now();
    if (wait > 0)
        usleep(wait * 1e6);
    return wait > 0;
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Print quantiles of durations in milliseconds, as JSON members. */
static void print_quantiles(double *seconds, long count) {
    qsort(seconds, count, sizeof *seconds, ascending);
    if (count > 0)
        printf(", \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f", seconds[count / 2] * 1e3,
               seconds[(long)(count * 0.99)] * 1e3, seconds[count - 1] * 1e3);
}

/* Begin with the sessions signed in; return when the work may start. */
static double client_cpu;
static double start_line(void) {
    say("ready");
    wait_for_line();
    client_cpu = cpu_seconds();
    return now();
}

static void open_result(double seconds) {
    printf("{\"seconds\": %.6f, \"client_cpu\": %.6f", seconds, cpu_seconds() - client_cpu);
}

static void close_result(void) {
    say("}");
    wait_for_line();
}

/* --- threads --- */

typedef struct {
    Control control;
    long index, octets;
    double seconds;
    void *space;
} Worker;

static Site site;
static pthread_barrier_t barrier;

static void *space_of(size_t octets) {
    void *space = malloc(octets);
    if (space == NULL)
        die("no memory");
    memset(space, 'x', octets);
    return space;
}

static Worker *start_workers(long count, void *(*work)(void *), pthread_t **threads) {
    Worker *workers = calloc(count, sizeof *workers);
    pthread_attr_t small;
    *threads = calloc(count, sizeof **threads);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    for (long i = 0; i < count; i++) {
        workers[i].index = i;
        if (pthread_create(&(*threads)[i], &small, work, &workers[i]) != 0)
            die("no thread");
    }
    return workers;
}

static void join(pthread_t *threads, long count) {
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static unsigned source_of(long index, long each) { return 1 + index / each; }

/* --- transfer: streams at once, one file each --- */

static int cheap, retrieves;
static long octets_each, rounds;
static const char *path;

static void transfer_once(Worker *w) {
    Data d = begin(&w->control, retrieves ? "RETR %s" : "STOR %s-%ld", path, w->index);
    if (retrieves) {
        long got = drain(&d, w->space, cheap ? octets_each : 0);
        if (got < octets_each - (cheap ? CHUNK : 0))
            die("only %ld octets of %ld came", got, octets_each);
        end_of_data(&d);
    } else {
        for (long left = octets_each; left > 0; left -= CHUNK)
            give(&d, w->space, left < CHUNK ? left : CHUNK);
        end_of_data(&d);
    }
    reply(&w->control, '2');
    close_data(&d);
    w->octets += octets_each;
}

static void *transfer_work(void *argument) {
    Worker *w = argument;
    w->space = space_of(CHUNK);
    sign_in(&w->control, &site, source_of(w->index, 8));
    prepare(&w->control);
    pthread_barrier_wait(&barrier); /* all are signed in */
    pthread_barrier_wait(&barrier); /* go */
    double start = now();
    for (long i = 0; i < rounds; i++)
        transfer_once(w);
    w->seconds = now() - start;
    pthread_barrier_wait(&barrier); /* all are through */
    pthread_barrier_wait(&barrier); /* sign out */
    sign_out(&w->control);
    return NULL;
}

static void transfer(void) {
    long streams = number("streams", 1), sum = 0;
    double slowest = 0;
    pthread_t *threads;
    retrieves = strcmp(text("verb", "RETR"), "RETR") == 0;
    octets_each = number("octets", 1 << 20);
    rounds = number("rounds", 1);
    cheap = number("cheap", 0);
    path = text("path", NULL);
    pthread_barrier_init(&barrier, NULL, streams + 1);
    Worker *workers = start_workers(streams, transfer_work, &threads);
    pthread_barrier_wait(&barrier);
    double start = start_line();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    open_result(now() - start);
    for (long i = 0; i < streams; i++) {
        sum += workers[i].octets;
        slowest = workers[i].seconds > slowest ? workers[i].seconds : slowest;
    }
    printf(", \"octets\": %ld, \"slowest\": %.6f", sum, slowest);
    close_result();
    pthread_barrier_wait(&barrier);
    join(threads, streams);
}

/* --- raw: one connection without FTP, to the bare programs; the same octets in the same way --- */

static void raw(void) {
    long octets = number("octets", 1 << 20), got = octets;
    void *space = space_of(CHUNK);
    Data d = {.fd = dial(site.port, 0)};
    double start = start_line();
    d.ssl = site.tls ? shake(site.tls, d.fd, NULL, NULL) : NULL;
    if (strcmp(text("verb", "RETR"), "RETR") == 0) {
        got = drain(&d, space, number("cheap", 0) ? octets : 0);
        end_of_data(&d);
    } else {
        for (long left = octets; left > 0; left -= CHUNK)
            give(&d, space, left < CHUNK ? left : CHUNK);
        end_of_data(&d);
        drain(&d, space, 0);
    }
    if (got < octets - CHUNK)
        die("only %ld octets came", got);
    open_result(now() - start);
    printf(", \"octets\": %ld", octets);
    close_result();
}

/* --- small: many small files on one control connection --- */

static void small(void) {
    long count = number("count", 100), octets = number("octets", 10240), resumed = 0;
    int get = strcmp(text("verb", "RETR"), "RETR") == 0;
    const char *folder = text("path", NULL);
    void *space = space_of(CHUNK);
    double *each = calloc(count, sizeof *each);
    Control c;
    sign_in(&c, &site, 0);
    prepare(&c);
    double start = start_line();
    for (long i = 0; i < count; i++) {
        double begun = now();
        Data d = begin(&c, "%s %s/f%05ld", get ? "RETR" : "STOR", folder, i);
        resumed += d.resumed;
        if (!get)
            give(&d, space, octets);
        else if (drain(&d, space, 0) != octets)
            die("a file of %ld octets came with another length", octets);
        end_of_data(&d);
        if (get)
            close_data(&d);
        reply(&c, '2');
        if (!get)
            close_data(&d);
        each[i] = now() - begun;
    }
    open_result(now() - start);
    printf(", \"count\": %ld, \"resumed\": %ld", count, resumed);
    print_quantiles(each, count);
    close_result();
    sign_out(&c);
}

/* --- login: connect, AUTH TLS, USER, PASS, QUIT --- */

static long login_count, login_next;
static double *login_seconds;

static void *login_work(void *argument) {
    Worker *w = argument;
    Control c;
    pthread_barrier_wait(&barrier);
    for (;;) {
        long i = __atomic_fetch_add(&login_next, 1, __ATOMIC_RELAXED);
        if (i >= login_count)
            break;
        double start = now();
        sign_in(&c, &site, source_of(w->index, 8));
        login_seconds[i] = now() - start;
        sign_out(&c);
    }
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void login(void) {
    long parallel = number("parallel", 1);
    pthread_t *threads;
    login_count = number("count", 100);
    login_seconds = calloc(login_count, sizeof *login_seconds);
    pthread_barrier_init(&barrier, NULL, parallel + 1);
    start_workers(parallel, login_work, &threads);
    double start = start_line();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    open_result(now() - start);
    printf(", \"count\": %ld", login_count);
    print_quantiles(login_seconds, login_count);
    close_result();
    join(threads, parallel);
}

/* --- noop: how long one session waits for a reply, until a line comes or the duration is over --- */

static int line_has_come(void) {
    struct pollfd input = {0, POLLIN, 0};
    if (poll(&input, 1, 0) <= 0)
        return 0;
    wait_for_line();
    return 1;
}

static void noop(void) {
    long most = 1000000, count = 0, pause = number("pause_us", 2000);
    double *each = calloc(most, sizeof *each), duration = atof(text("duration", "1"));
    Control c;
    if (nice(-10) == -1) { /* a wait for our own processor is not the server's; as root only */
    }
    sign_in(&c, &site, 255 << 8);
    double start = start_line();
    while (now() - start < duration && count < most && !line_has_come()) {
        double asked = now();
        command(&c, '2', "NOOP");
        each[count++] = now() - asked;
        usleep(pause);
    }
    open_result(now() - start);
    printf(", \"count\": %ld", count);
    print_quantiles(each, count);
    close_result();
    sign_out(&c);
}

/* --- idle: sessions that say NOOP once in a while --- */

static void idle(void) {
    long sessions = number("sessions", 10), asked = 0, most = 1000000;
    double duration = atof(text("duration", "1")), every = atof(text("every", "60"));
    double *each = calloc(most, sizeof *each);
    Control *all = calloc(sessions, sizeof *all);
    double opening = now();
    for (long i = 0; i < sessions; i++)
        sign_in(&all[i], &site, source_of(i, 40));
    opening = now() - opening;
    double start = start_line();
    while (now() - start < duration && asked < most) {
        double due = asked * every / sessions;
        sleep_until(start + (due < duration ? due : duration));
        if (due >= duration)
            break;
        double sent = now();
        command(&all[asked % sessions], '2', "NOOP");
        each[asked++] = now() - sent;
    }
    open_result(now() - start);
    printf(", \"sessions\": %ld, \"opening\": %.3f, \"count\": %ld", sessions, opening, asked);
    print_quantiles(each, asked);
    close_result();
    for (long i = 0; i < sessions; i++)
        drop(&all[i]);
}

/* --- list: a folder, and how long the first octet takes --- */

static void list(void) {
    void *space = space_of(CHUNK);
    Control c;
    sign_in(&c, &site, 0);
    prepare(&c);
    command(&c, '2', "CWD %s", text("path", NULL));
    double start = start_line();
    Data d = begin(&c, "%s", text("verb", "LIST"));
    long octets = take(&d, space, CHUNK);
    double first = now() - start;
    octets += drain(&d, space, 0);
    end_of_data(&d);
    close_data(&d);
    reply(&c, '2');
    open_result(now() - start);
    printf(", \"octets\": %ld, \"first_ms\": %.3f", octets, first * 1e3);
    close_result();
    sign_out(&c);
}

/* --- slow: readers that take a fixed number of octets a second; ready when all buffers on the way are full --- */

static void slow(void) {
    long readers = number("readers", 10), rate = number("rate", 65536), octets = 0, late = 0;
    double duration = atof(text("duration", "1"));
    const long turns = 4; /* a second */
    Control *all = calloc(readers, sizeof *all);
    Data *data = calloc(readers, sizeof *data);
    void *space = space_of(CHUNK);
    path = text("path", NULL);
    receive_buffer = 64 << 10;
    for (long i = 0; i < readers; i++) {
        sign_in(&all[i], &site, source_of(i, 40));
        prepare(&all[i]);
        data[i] = begin(&all[i], "RETR %s", path);
    }
    sleep(1);
    double start = start_line();
    for (long turn = 0; now() - start < duration; turn++) {
        late += !sleep_until(start + (double)turn / turns) && turn > 0;
        for (long i = 0; i < readers; i++)
            for (long left = rate / turns; left > 0;) {
                long got = take(&data[i], space, left);
                if (got == 0)
                    die("a transfer ended before its time");
                left -= got;
                octets += got;
            }
    }
    open_result(now() - start);
    printf(", \"readers\": %ld, \"octets\": %ld, \"late_turns\": %ld", readers, octets, late);
    close_result();
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } measures[] = {{"transfer", transfer}, {"raw", raw},   {"small", small}, {"login", login},
                    {"noop", noop},         {"idle", idle}, {"list", list},   {"slow", slow}};
    argc_ = argc;
    argv_ = argv;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc > 1 && i < sizeof measures / sizeof *measures; i++)
        if (strcmp(argv[1], measures[i].name) == 0) {
            alarm(number("limit", 300));
            site = (Site){number("port", 21), text("user", "none"), text("password", "none"),
                          client_tls(text("tls", "1.3"))};
            measures[i].run();
            return 0;
        }
    die("usage: load transfer|raw|small|login|noop|idle|list|slow key=value …");
}
