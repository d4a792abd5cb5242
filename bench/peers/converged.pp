# The tasks of a converged frameworkd-setup as a manifest of Puppet.
$root = $facts['bench_root']
$login = $facts['bench_login']
$database = $facts['bench_database']
$key = "${root}/etc/ossim/framework/db_encryption_key"
$query = "SELECT value FROM config WHERE conf = 'encryption_key'"

file {
  $key: ensure => file, mode => '0400';
  "${root}/etc/ossim/framework/ossim.conf": ensure => file, mode => '0640';
  "${root}/etc/logrotate.d/frameworkd": ensure => file, mode => '0644';
  "${root}/var/lib/frameworkd": ensure => directory, mode => '0755';
  "${root}/var/log/ossim": ensure => directory, mode => '0755';
}

exec { 'the row holds the key':
  command  => 'false',
  unless   => "mariadb --defaults-file=${login} -N -B -e \"${query}\" ${database} | sed s/^/key=/ | grep -qxf - ${key}",
  provider => shell,
  path     => ['/usr/bin', '/bin'],
}
