#define _GNU_SOURCE
#include "ftp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    ERR_print_errors_fp(stderr);
    exit(1);
}

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* --- TLS --- */

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    Control *owner = SSL_get_app_data(ssl);
    if (owner == NULL)
        return 0;
    SSL_SESSION_free(owner->session);
    owner->session = session;
    return 1;
}

SSL_CTX *client_tls(const char *version) {
    if (strcmp(version, "none") == 0)
        return NULL;
    int number = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(tls, number);
    SSL_CTX_set_max_proto_version(tls, number);
    if (!SSL_CTX_set_cipher_list(tls, "ECDHE-ECDSA-AES256-GCM-SHA384") ||
        !SSL_CTX_set_ciphersuites(tls, "TLS_AES_256_GCM_SHA384"))
        die("this OpenSSL has no AES-256-GCM");
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, keep_session);
    /* Some servers end data connections without close_notify. */
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(tls, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

SSL *shake(SSL_CTX *tls, int fd, Control *owner, SSL_SESSION *session) {
    SSL *ssl = SSL_new(tls);
    SSL_set_app_data(ssl, owner);
    SSL_set_fd(ssl, fd);
    SSL_set_read_ahead(ssl, 1); /* one recv for several records */
    SSL_set_default_read_buffer_len(ssl, 256 << 10);
    if (session != NULL) {
        /* A copy: OpenSSL marks sessions of TLS 1.3 as used up, and not every transfer brings a new ticket. */
        SSL_SESSION *copy = SSL_SESSION_dup(session);
        SSL_set_session(ssl, copy);
        SSL_SESSION_free(copy);
    }
    if (SSL_connect(ssl) != 1)
        die("the handshake failed");
    return ssl;
}

/* --- sockets --- */

int receive_buffer;

int dial(int port, unsigned source) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timeval patience = {SILENT_SECONDS, 0};
    if (fd < 0)
        die("no socket: %s", strerror(errno));
    if (source > 0) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        address.sin_addr.s_addr = htonl(0x7f010000 + source);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
            die("can not bind: %s", strerror(errno));
    }
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (receive_buffer)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("can not connect to port %d: %s", port, strerror(errno));
    return fd;
}

static void write_octets(int fd, SSL *ssl, const char *octets, size_t count) {
    while (count > 0) {
        long done = ssl ? SSL_write(ssl, octets, count) : send(fd, octets, count, MSG_NOSIGNAL);
        if (done <= 0)
            die("the server closed the connection while it was written to");
        octets += done;
        count -= done;
    }
}

/* --- the control connection --- */

static void read_line(Control *c) {
    for (;;) {
        char *end = memchr(c->buffer, '\n', c->have);
        if (end != NULL) {
            size_t length = end - c->buffer + 1;
            memcpy(c->line, c->buffer, length);
            c->line[length - 1] = '\0';
            memmove(c->buffer, end + 1, c->have -= length);
            return;
        }
        size_t room = sizeof c->buffer - c->have;
        errno = 0;
        long got = room == 0 ? 0
                   : c->ssl  ? SSL_read(c->ssl, c->buffer + c->have, room)
                             : recv(c->fd, c->buffer + c->have, room, 0);
        if (got <= 0)
            die("no reply to %s: %s", c->asked, errno == EAGAIN ? "the server is silent" : "the connection has ended");
        c->have += got;
    }
}

int reply(Control *c, char wanted) {
    char end[5] = "";
    read_line(c);
    if (strlen(c->line) > 3 && c->line[3] == '-') {
        snprintf(end, sizeof end, "%.3s ", c->line);
        do
            read_line(c);
        while (strncmp(c->line, end, 4) != 0);
    }
    if (c->line[0] != wanted)
        die("%s was answered: %s", c->asked, c->line);
    return atoi(c->line);
}

static void send_line(Control *c, const char *format, va_list arguments) {
    char line[1024];
    int length = vsnprintf(line, sizeof line - 2, format, arguments);
    snprintf(c->asked, sizeof c->asked, "%.*s", (int)sizeof c->asked - 1, line);
    memcpy(line + length, "\r\n", 2);
    write_octets(c->fd, c->ssl, line, length + 2);
}

int command(Control *c, char wanted, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    send_line(c, format, arguments);
    va_end(arguments);
    return reply(c, wanted);
}

void sign_in(Control *c, const Site *site, unsigned source) {
    memset(c, 0, sizeof *c);
    c->site = site;
    c->source = source;
    c->fd = dial(site->port, source);
    strcpy(c->asked, "the connection");
    reply(c, '2');
    if (site->tls) {
        command(c, '2', "AUTH TLS");
        c->ssl = shake(site->tls, c->fd, c, NULL);
    }
    if (command(c, '3', "USER %s", site->user) == 331)
        command(c, '2', "PASS %s", site->password);
}

void prepare(Control *c) {
    if (c->ssl) {
        command(c, '2', "PBSZ 0");
        command(c, '2', "PROT P");
    }
    command(c, '2', "TYPE I");
}

void drop(Control *c) {
    SSL_free(c->ssl);
    SSL_SESSION_free(c->session);
    close(c->fd);
}

void sign_out(Control *c) {
    command(c, '2', "QUIT");
    drop(c);
}

/* --- data connections --- */

Data begin(Control *c, const char *format, ...) {
    Data d = {0};
    int port;
    va_list arguments;
    command(c, '2', "EPSV");
    char *form = strchr(c->line, '(');
    if (form == NULL || sscanf(form, "(|||%d|)", &port) != 1)
        die("EPSV was answered: %s", c->line);
    d.fd = dial(port, c->source);
    va_start(arguments, format);
    send_line(c, format, arguments);
    va_end(arguments);
    reply(c, '1');
    if (c->ssl) {
        d.ssl = shake(c->site->tls, d.fd, c, c->session);
        d.resumed = SSL_session_reused(d.ssl);
    }
    return d;
}

long take(Data *d, void *octets, size_t most) {
    long got = d->ssl ? SSL_read(d->ssl, octets, most) : recv(d->fd, octets, most, 0);
    return got > 0 ? got : 0;
}

/* Send what OpenSSL has put into memory: one call for many records. */
static void flush(Data *d) {
    char *octets;
    BIO *out = SSL_get_wbio(d->ssl);
    long count = BIO_get_mem_data(out, &octets);
    write_octets(d->fd, NULL, octets, count);
    (void)BIO_reset(out);
}

void give(Data *d, const void *octets, size_t count) {
    const char *next = octets;
    if (d->ssl == NULL) {
        write_octets(d->fd, NULL, next, count);
        return;
    }
    if (SSL_get_wbio(d->ssl) == SSL_get_rbio(d->ssl))
        SSL_set0_wbio(d->ssl, BIO_new(BIO_s_mem()));
    for (size_t part; count > 0; next += part, count -= part) {
        part = count < 256 << 10 ? count : 256 << 10;
        if (SSL_write(d->ssl, next, part) != (int)part)
            die("the server ended the data connection");
        flush(d);
    }
}

long drain(Data *d, void *space, long cheap) {
    long got, sum = 0;
    if (cheap) {
        /* Until it is silent: some servers close only when they are answered, and here close_notify goes unseen. */
        struct pollfd silence = {d->fd, POLLIN, 0};
        while (poll(&silence, 1, sum < cheap ? SILENT_SECONDS * 1000 : 5) > 0 &&
               (got = recv(d->fd, NULL, CHUNK, MSG_TRUNC)) > 0)
            sum += got;
    } else
        while ((got = take(d, space, CHUNK)) > 0)
            sum += got;
    return sum;
}

void end_of_data(Data *d) {
    if (d->ssl) {
        SSL_shutdown(d->ssl);
        if (SSL_get_wbio(d->ssl) != SSL_get_rbio(d->ssl))
            flush(d);
    }
    shutdown(d->fd, SHUT_WR);
}

void close_data(Data *d) {
    SSL_free(d->ssl);
    close(d->fd);
}
