/* What a transfer costs without an FTP server around it.
 *
 *   bare send FILE VERSION [CERTIFICATE KEY]     reads the file, encrypts into memory, sends
 *   bare receive FILE VERSION [CERTIFICATE KEY]  receives, decrypts from memory, writes the file
 *
 * VERSION is 1.2, 1.3 or none (sendfile, and recv with write). Prints the port it listens on; serves one connection after
 * the other until its standard input ends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SENT = 256 << 10, RECEIVED = 1 << 20 };

static void die(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static char space[RECEIVED];

static void send_all(int fd, const char *octets, long count) {
    while (count > 0) {
        long done = send(fd, octets, count, MSG_NOSIGNAL);
        if (done <= 0)
            die("send");
        octets += done;
        count -= done;
    }
}

/* Send what OpenSSL has produced. */
static void flush(SSL *ssl, int fd) {
    char *octets;
    BIO *out = SSL_get_wbio(ssl);
    long count = BIO_get_mem_data(out, &octets);
    if (count > 0)
        send_all(fd, octets, count);
    BIO_reset(out);
}

/* Receive once and give it to OpenSSL; false at the end. */
static int feed(SSL *ssl, int fd) {
    long got = recv(fd, space, sizeof space, 0);
    if (got <= 0)
        return 0;
    BIO_write(SSL_get_rbio(ssl), space, got);
    return 1;
}

static SSL *shake(SSL_CTX *tls, int fd) {
    SSL *ssl = SSL_new(tls);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    while (SSL_accept(ssl) != 1) {
        flush(ssl, fd);
        if (!feed(ssl, fd))
            die("the handshake failed");
    }
    flush(ssl, fd);
    return ssl;
}

static void send_file(SSL *ssl, int fd, int file) {
    static char clear[SENT];
    struct stat status;
    long got;
    if (ssl == NULL) {
        fstat(file, &status);
        for (off_t at = 0; at < status.st_size;)
            if (sendfile(fd, file, &at, 1 << 30) <= 0)
                die("sendfile");
        return;
    }
    while ((got = read(file, clear, sizeof clear)) > 0) {
        SSL_write(ssl, clear, got);
        flush(ssl, fd);
    }
}

static void receive_file(SSL *ssl, int fd, int file) {
    static char clear[RECEIVED];
    long got;
    if (ssl == NULL) {
        while ((got = recv(fd, space, sizeof space, 0)) > 0)
            if (write(file, space, got) != got)
                die("write");
        return;
    }
    do {
        /* As many records as came, in one write. */
        long have = 0;
        while (have < RECEIVED && (got = SSL_read(ssl, clear + have, RECEIVED - have)) > 0)
            have += got;
        if (write(file, clear, have) != have)
            die("write");
    } while (!(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) && feed(ssl, fd));
}

static void serve(int fd, int sends, const char *path, SSL_CTX *tls) {
    int on = 1, file = sends ? open(path, O_RDONLY) : open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0)
        die(path);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *ssl = tls ? shake(tls, fd) : NULL;
    (sends ? send_file : receive_file)(ssl, fd, file);
    close(file);
    if (ssl) {
        SSL_shutdown(ssl);
        flush(ssl, fd);
    }
    shutdown(fd, SHUT_WR);
    while (sends && recv(fd, space, sizeof space, 0) > 0)
        ;
    SSL_free(ssl);
    close(fd);
}

static SSL_CTX *server_tls(int argc, char **argv) {
    int number = strcmp(argv[3], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    if (strcmp(argv[3], "none") == 0)
        return NULL;
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (argc < 6 || SSL_CTX_use_certificate_chain_file(tls, argv[4]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, argv[5], SSL_FILETYPE_PEM) != 1)
        die("certificate or key");
    SSL_CTX_set_min_proto_version(tls, number);
    SSL_CTX_set_max_proto_version(tls, number);
    return tls;
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (argc < 4)
        die("usage: bare send|receive FILE 1.2|1.3|none [CERTIFICATE KEY]");
    SSL_CTX *tls = server_tls(argc, argv);
    if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 8) < 0)
        die("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct pollfd ends[2] = {{0, POLLIN, 0}, {listener, POLLIN, 0}};
        poll(ends, 2, -1);
        if (ends[0].revents)
            return 0;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            serve(fd, strcmp(argv[1], "send") == 0, argv[2], tls);
    }
}
