# Steps on standard input, as adapter.py describes them, done by Net::FTP.

use strict;
use warnings;
use Net::FTP;

my %env = map { $_ => $ENV{"FTPS_$_"} } qw(HOST PORT USER PASSWORD CERTIFICATE IMPLICIT TLS ACTIVE);
my %tls = (SSL_ca_file => $env{CERTIFICATE});
$tls{SSL_version} = 'TLSv1' . ($env{TLS} =~ s/\./_/r =~ s/^1//r) if $env{TLS};

my $ftp = Net::FTP->new(
    $env{HOST},
    Port    => $env{PORT},
    Passive => $env{ACTIVE} ? 0 : 1,
    Timeout => 15,
    $env{IMPLICIT} ? (SSL => 1) : (),
    %tls,
) or die "no connection: $@\n";
$ftp->starttls or die "starttls: ", $ftp->message unless $env{IMPLICIT};
$ftp->login($env{USER}, $env{PASSWORD}) or die "login: ", $ftp->message;
$ftp->binary;

my %perform = (
    'list'       => \&show_names,
    'get'        => sub { $ftp->get($_[0], $_[1]) },
    'resume-get' => sub { $ftp->get($_[0], $_[1], -s $_[1]) },
    'put'        => sub { $ftp->put($_[0], $_[1]) },
    'resume-put' => \&resume_put,
    'mkdir'      => sub { $ftp->mkdir($_[0]) },
    'rmdir'      => sub { $ftp->rmdir($_[0]) },
    'rename'     => sub { $ftp->rename($_[0], $_[1]) },
    'delete'     => sub { $ftp->delete($_[0]) },
);

while (my $line = <STDIN>) {
    chomp $line;
    my ($verb, @words) = split /\t/, $line, -1;
    $perform{$verb}->(@words) or die "$verb @words: ", $ftp->message;
}
$ftp->quit;

sub show_names {
    my ($folder) = @_;
    my @names = $ftp->ls("/$folder");
    return unless $ftp->ok;
    print map { s{.*/}{}r . "\n" } @names;
    print ".\n";
    return 1;
}

sub resume_put {
    my ($local, $remote) = @_;
    open my $file, '<:raw', $local or die "$local: $!\n";
    seek $file, $ftp->size($remote), 0;
    return $ftp->append($file, $remote);
}
