#!/bin/sh
# What the tests drive besides Python and Node: Debian packages, and k6. As root on Debian the packages are
# installed, and where there is Go so is k6; elsewhere the tests that need a missing one say so.
set -eu

packages="chromium wrk redis-server openssl"
missing=""
for package in $packages; do
  command -v "$package" >/dev/null 2>&1 || missing="$missing $package"
done
# k6 is built from its Go module into the repository, once: about two minutes.
k6_version="v1.8.1"
k6_folder="$(cd "$(dirname "$0")/.." && pwd)/rehearsals/.build"
if ! command -v k6 >/dev/null 2>&1 && [ ! -x "$k6_folder/k6" ]; then
  if command -v go >/dev/null 2>&1; then
    echo "building k6 $k6_version"
    GOBIN="$k6_folder" go install "go.k6.io/k6@$k6_version" ||
      echo "k6 could not be built: the rehearsal's stories will say that they were not run" >&2
  else
    echo "missing go, which builds k6: the rehearsal's stories will say that they were not run" >&2
  fi
fi

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
