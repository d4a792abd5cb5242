#!/bin/sh
# MARIADB_DATABASE, MARIADB_USER and MARIADB_PASSWORD_FILE, at the first start. Root comes in by the socket alone, so
# that a random password for it, MARIADB_RANDOM_ROOT_PASSWORD, is as good as done.
set -eu
umask 077
data=/var/lib/mysql
if [ ! -d "$data/mysql" ]; then
  mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=socket --skip-test-db \
    --user=mysql >/dev/null
  password=$(sed "s/[\\\\']/\\\\&/g" "$MARIADB_PASSWORD_FILE")
  cat >/run/first-start.sql <<END
CREATE DATABASE $MARIADB_DATABASE;
CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY '$password';
GRANT ALL ON $MARIADB_DATABASE.* TO '$MARIADB_USER'@'%';
END
  chown mysql /run/first-start.sql
  set -- --init-file=/run/first-start.sql
fi
exec mariadbd --no-defaults --datadir="$data" --socket="$data/socket" --user=mysql --bind-address=0.0.0.0 "$@"
