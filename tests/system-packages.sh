#!/bin/sh
# The Debian packages that the tests drive. As root on Debian they are installed; elsewhere the tests
# that need a missing one say so.
set -eu

packages="chromium wrk redis-server openssl"
missing=""
for package in $packages; do
  command -v "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing$missing"
  # The tests start servers of their own; a package that starts one as a service is told not to.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt-get update -qq
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing fonts-dejavu-core >/dev/null
else
  echo "missing$missing: the tests that drive them will say that they were not run" >&2
fi
