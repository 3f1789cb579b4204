// Steps on standard input, as adapter.py describes them, done by Apache Commons Net over JSSE.

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPFile;
import org.apache.commons.net.ftp.FTPReply;
import org.apache.commons.net.ftp.FTPSClient;

public class Ftps {
    private static final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static FTPSClient ftp;

    public static void main(String[] arguments) throws Exception {
        try {
            connect();
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                perform(line.split("\t", -1));
            }
            ftp.logout();
            ftp.disconnect();
        } catch (IOException error) {
            System.err.println(error);
            System.exit(1);
        }
    }

    private static void connect() throws Exception {
        ftp = new FTPSClient(given("IMPLICIT"), trusting(Path.of(setting("CERTIFICATE"))));
        ftp.setEndpointCheckingEnabled(true);
        ftp.setControlEncoding("UTF-8");
        if (given("TLS")) {
            ftp.setEnabledProtocols(new String[] {"TLSv" + setting("TLS")});
        }
        ftp.setUseEPSVwithIPv4(true);
        ftp.connect(setting("HOST"), Integer.parseInt(setting("PORT")));
        check(FTPReply.isPositiveCompletion(ftp.getReplyCode()));
        check(ftp.login(setting("USER"), setting("PASSWORD")));
        ftp.execPBSZ(0);
        ftp.execPROT("P");
        if (!given("ACTIVE")) {
            ftp.enterLocalPassiveMode();
        }
        check(ftp.setFileType(FTP.BINARY_FILE_TYPE));
    }

    private static void perform(String[] step) throws IOException {
        switch (step[0]) {
            case "list" -> list("/" + step[1]);
            case "get" -> get(step[1], new File(step[2]), 0);
            case "resume-get" -> get(step[1], new File(step[2]), new File(step[2]).length());
            case "put" -> put(new File(step[1]), step[2], 0);
            case "resume-put" -> put(new File(step[1]), step[2], Long.parseLong(ftp.getSize(step[2])));
            case "mkdir" -> check(ftp.makeDirectory(step[1]));
            case "rmdir" -> check(ftp.removeDirectory(step[1]));
            case "rename" -> check(ftp.rename(step[1], step[2]));
            case "delete" -> check(ftp.deleteFile(step[1]));
            default -> throw new IllegalArgumentException(step[0]);
        }
    }

    private static void list(String folder) throws IOException {
        for (FTPFile file : ftp.mlistDir(folder)) {
            if (!file.getName().equals(".")) {
                out.println(file.getName());
            }
        }
        check(FTPReply.isPositiveCompletion(ftp.getReplyCode()));
        out.println(".");
    }

    private static void get(String remote, File local, long offset) throws IOException {
        try (OutputStream file = new FileOutputStream(local, offset > 0)) {
            ftp.setRestartOffset(offset);
            check(ftp.retrieveFile(remote, file));
        }
    }

    private static void put(File local, String remote, long offset) throws IOException {
        try (InputStream file = new FileInputStream(local)) {
            file.skipNBytes(offset);
            ftp.setRestartOffset(offset);
            check(ftp.storeFile(remote, file));
        }
    }

    private static void check(boolean done) throws IOException {
        if (!done) {
            throw new IOException(ftp.getReplyString());
        }
    }

    private static SSLContext trusting(Path certificate) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(certificate)) {
            store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(given("BUNDLE") ? shown() : null, trust.getTrustManagers(), null);
        return context;
    }

    private static KeyManager[] shown() throws Exception {
        char[] password = setting("BUNDLE_PASSWORD").toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream bundle = Files.newInputStream(Path.of(setting("BUNDLE")))) {
            store.load(bundle, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, password);
        return keys.getKeyManagers();
    }

    private static String setting(String name) {
        return System.getenv("FTPS_" + name);
    }

    private static boolean given(String name) {
        return setting(name) != null && !setting(name).isEmpty();
    }
}
