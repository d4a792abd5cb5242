/**
 * An IMITATION of what the original leaves on a machine: its init script, Monit's entry, logrotate's file, and a
 * small daemon that answers on its port. Made for these tests from what is known of how the original behaves;
 * nothing of it is the original's.
 */

/** Whatever takes files: a sandbox, or the tree of a machine. */
export interface Place {
  write(path: string, text: string, mode?: number): void
}

export const original = {
  program: '/usr/bin/ossim-framework',
  initScript: '/etc/init.d/ossim-framework',
  monit: '/etc/monit/alienvault/avframework.monitrc',
  logrotate: '/etc/logrotate.d/ossim-framework',
  pidfile: '/run/ossim-framework.pid',
  thirdLog: '/var/log/ossim/framework-notifications.log',
} as const

/** Files that a take-over moves aside. */
export const movedFiles = [original.initScript, original.monit, original.logrotate] as const
export const runlevelLinks = [2, 3, 4, 5].map((level) => `/etc/rc${level}.d/S03ossim-framework`)

/** All but its links in the runlevels. */
export function writeOriginal(place: Place): void {
  place.write(original.program, daemon, 0o755)
  place.write(original.initScript, initScript, 0o755)
  place.write(original.monit, monitEntry)
  place.write(original.logrotate, rotation)
}

/** Its parent ends before the port is bound; it ends itself with SIGKILL, so that its pidfile stays, and refuses to start beside one. */
const daemon = `#!/usr/bin/perl
# An imitation for tests.
use strict;
use IO::Socket::INET;
my $pidfile = '/var/run/ossim-framework.pid';
die "pidfile exists\\n" if -e $pidfile;
exit 0 if fork;
my $server = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => 40003, Listen => 5, ReuseAddr => 1) or exit 1;
open(STDIN, '<', '/dev/null'); open(STDOUT, '>', '/dev/null'); open(STDERR, '>', '/dev/null');
open(my $file, '>', $pidfile); print $file "$$\\n"; close $file;
$SIG{TERM} = sub { kill 'KILL', $$ };
while (my $peer = $server->accept) {
  my $line = <$peer>;
  print $peer "original\\n" if defined $line && $line =~ /^ping/;
  close $peer;
}
`

const initScript = `#!/bin/sh
# An imitation for tests.
### BEGIN INIT INFO
# Provides:          ossim-framework
# Required-Start:    $local_fs $remote_fs
# Required-Stop:     $local_fs $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: imitation of the original
### END INIT INFO
pidfile=/var/run/ossim-framework.pid
case "$1" in
start)
    [ -f $pidfile ] && kill -0 "$(cat $pidfile)" 2>/dev/null && exit 0
    rm -f $pidfile
    ${original.program} -d
    ;;
stop) start-stop-daemon --stop --quiet --oknodo --pidfile $pidfile; rm -f $pidfile ;;
restart | force-reload) $0 stop; sleep 1; $0 start ;;
status) [ -e $pidfile ] && kill -0 "$(cat $pidfile)" ;;
*) exit 1 ;;
esac
`

const monitEntry = `# An imitation for tests.
check process ossim-framework with pidfile /var/run/ossim-framework.pid
    start program = "/etc/init.d/ossim-framework start"
    stop program = "/etc/init.d/ossim-framework stop"
    if failed host 127.0.0.1 port 40003 then restart

check file ossim-framework-settings with path /etc/passwd
`

const rotation = `# An imitation for tests.
/var/log/ossim/frameworkd.log /var/log/ossim/frameworkd_error.log {
    daily
    missingok
    postrotate
        [ -e /var/run/ossim-framework.pid ] && { kill -HUP 1; }
    endscript
}

${original.thirdLog} /var/log/ossim/frameworkd.log
{
    rotate 3
    missingok
}
`
