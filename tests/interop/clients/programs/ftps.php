<?php
// Steps on standard input, as adapter.py describes them, done by PHP's ftp extension.

set_error_handler(function ($level, $message) {
    throw new ErrorException($message);
});

try {
    $ftp = ftp_ssl_connect(getenv('FTPS_HOST'), (int) getenv('FTPS_PORT'), 15);
    if (!$ftp) {
        throw new Exception('no connection');
    }
    ftp_login($ftp, getenv('FTPS_USER'), getenv('FTPS_PASSWORD'));
    ftp_pasv($ftp, !getenv('FTPS_ACTIVE'));
    while (($line = fgets(STDIN)) !== false) {
        perform($ftp, explode("\t", rtrim($line, "\n")));
    }
    ftp_close($ftp);
} catch (Throwable $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}

function perform($ftp, array $step): void
{
    $done = match ($step[0]) {
        'list' => show_names(ftp_mlsd($ftp, "/$step[1]")),
        'get' => ftp_get($ftp, $step[2], $step[1], FTP_BINARY),
        'resume-get' => ftp_get($ftp, $step[2], $step[1], FTP_BINARY, FTP_AUTORESUME),
        'put' => ftp_put($ftp, $step[2], $step[1], FTP_BINARY),
        'resume-put' => ftp_put($ftp, $step[2], $step[1], FTP_BINARY, FTP_AUTORESUME),
        'mkdir' => ftp_mkdir($ftp, $step[1]),
        'rmdir' => ftp_rmdir($ftp, $step[1]),
        'rename' => ftp_rename($ftp, $step[1], $step[2]),
        'delete' => ftp_delete($ftp, $step[1]),
    };
    if ($done === false) {
        throw new Exception(implode(' ', $step) . ' failed');
    }
}

function show_names($entries): bool
{
    if ($entries === false) {
        return false;
    }
    foreach ($entries as $entry) {
        if (in_array($entry['type'], ['file', 'dir'])) {
            echo $entry['name'], "\n";
        }
    }
    echo ".\n";
    return true;
}
