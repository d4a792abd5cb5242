# The tasks of a converged frameworkd-setup as a script: looks, changes nothing, ends with 0.
set -euo pipefail
root=$1 login=$2 database=$3

is() { [ "$(stat -c '%a %u' "$root$1")" = "$2 $(id -u)" ]; }
is /etc/ossim/framework/db_encryption_key 400
is /etc/ossim/framework/ossim.conf 640
is /var/lib/frameworkd 755
is /var/log/ossim 755
grep -q '^# Written by frameworkd-setup' "$root/etc/logrotate.d/frameworkd"

file=$(sed -n 's/^key=//p' "$root/etc/ossim/framework/db_encryption_key")
row=$(mariadb --defaults-file="$login" -N -B -e "SELECT value FROM config WHERE conf = 'encryption_key'" "$database")
[ -n "$file" ] && [ "$file" = "$row" ]
