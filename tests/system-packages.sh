#!/bin/sh
# What the tests drive besides Python and Node: Debian packages, k6, an S3 gateway, DynamoDB Local and Apache
# Kafka. As root on Debian the packages are installed, where there is Go so are k6 and the gateway, and Maven
# fetches the two servers; elsewhere the tests that need a missing one say so.
set -eu

packages="chromium wrk redis-server openssl ffmpeg njs"
missing=""
# A daemon's folder is not always on the path.
[ -x "$(PATH="$PATH:/usr/sbin" command -v nginx)" ] || missing="$missing nginx-light"
command -v traffic_server >/dev/null 2>&1 || missing="$missing trafficserver trafficserver-experimental-plugins"
for package in $packages; do
  command -v "$package" >/dev/null 2>&1 || missing="$missing $package"
done
command -v java >/dev/null 2>&1 || missing="$missing default-jre-headless"
command -v mvn >/dev/null 2>&1 || missing="$missing maven"
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

# The S3 gateway likewise: about a minute and a half.
s3_version="v1.8.0"
s3_folder="$(cd "$(dirname "$0")" && pwd)/servers/s3/bin"
if [ ! -x "$s3_folder/versitygw" ]; then
  if command -v go >/dev/null 2>&1; then
    echo "building versitygw $s3_version"
    GOBIN="$s3_folder" go install "github.com/versity/versitygw/cmd/versitygw@$s3_version" ||
      echo "versitygw could not be built: the tests that drive S3 will say that they were not run" >&2
  else
    echo "missing go, which builds versitygw: the tests that drive S3 will say that they were not run" >&2
  fi
fi

if [ -z "$missing" ]; then
  : # everything is there
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
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

# fetch NAME FOLDER JAR: what its pom.xml asks for, into libs/, once for each version.
fetch() {
  folder="$(dirname "$0")/servers/$2"
  version="$(sed -n 's:.*<version>\(.*\..*\)</version>.*:\1:p' "$folder/pom.xml")"
  [ ! -e "$folder/libs/$3-$version.jar" ] || return 0
  if ! command -v mvn >/dev/null 2>&1; then
    echo "missing mvn, which fetches $1: the tests that drive it will say that they were not run" >&2
    return 0
  fi
  echo "fetching $1 $version"
  rm -rf "$folder/libs" "$folder/libs.part"
  if mvn -q -B -f "$folder/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory=libs.part -DincludeScope=runtime; then
    mv "$folder/libs.part" "$folder/libs"
  else
    echo "$1 could not be fetched: the tests that drive it will say that they were not run" >&2
  fi
}
fetch "DynamoDB Local" dynamodb DynamoDBLocal # 50 MB
fetch "Apache Kafka" kafka kafka_2.13         # 43 MB
