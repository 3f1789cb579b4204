/* The client side of RFC 959 and RFC 4217 in as little as it takes to load a server. */
#ifndef FTP_H
#define FTP_H

#include <openssl/ssl.h>
#include <stddef.h>

enum { CHUNK = 1 << 20, SILENT_SECONDS = 30 };

/* Where the server is, and how it is spoken to. */
typedef struct {
    int port;
    const char *user, *password;
    SSL_CTX *tls; /* NULL: everything in clear */
} Site;

/* A control connection. The session is the newest ticket of it and its data connections. */
typedef struct {
    const Site *site;
    unsigned source;
    int fd;
    SSL *ssl;
    SSL_SESSION *session;
    char buffer[4096], line[4096], asked[64]; /* what came, the last line of it, the last command */
    size_t have;
} Control;

/* A data connection. */
typedef struct {
    int fd;
    SSL *ssl;
    int resumed;
} Data;

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
double now(void);

/* Context of a client that speaks one version ("1.2", "1.3") with AES-256-GCM; NULL for "none". */
SSL_CTX *client_tls(const char *version);
/* Connect to a port of 127.0.0.1; source n > 0 is the n-th address of 127.1.0.0/16, so that limits for one address hold. */
extern int receive_buffer; /* of sockets that dial() makes, if not 0 */
int dial(int port, unsigned source);
/* Handshake as the client. */
SSL *shake(SSL_CTX *tls, int fd, Control *owner, SSL_SESSION *session);

/* Connect, AUTH TLS, USER, PASS. */
void sign_in(Control *c, const Site *site, unsigned source);
/* TYPE I, and PBSZ, PROT P under TLS. */
void prepare(Control *c);
/* Send a command; return the code of its reply, or die if its first digit is another than the wanted. */
int command(Control *c, char wanted, const char *format, ...) __attribute__((format(printf, 3, 4)));
int reply(Control *c, char wanted);
void sign_out(Control *c);
void drop(Control *c);

/* EPSV, connect, the command, 150, handshake. */
Data begin(Control *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Read up to that many octets; 0 at the end. */
long take(Data *d, void *octets, size_t most);
void give(Data *d, const void *octets, size_t count);
/* Read everything to the end; return how much. With cheap, ciphertext is thrown away in the kernel, and the end is silence
 * after so many octets. */
long drain(Data *d, void *space, long cheap);
/* Say that there is no more, and close, before or after the reply to the transfer. */
void end_of_data(Data *d);
void close_data(Data *d);

#endif
