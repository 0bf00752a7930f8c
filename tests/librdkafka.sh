#!/usr/bin/env bash
# librdkafka.sh FOLDER: builds a newer librdkafka from the source that the Cargo crate rdkafka-sys carries, into FOLDER.
set -euo pipefail
target=$1
crate=rdkafka-sys
version=${CURFEW_RDKAFKA_CRATE:-4.10.0+2.12.1}
[ -f "$target/lib/librdkafka.so" ] && [ "$(cat "$target/crate" 2>/dev/null)" = "$version" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl -fsSL -A curfew-tests -o "$work/crate.tar.gz" "https://static.crates.io/crates/$crate/$crate-$version.crate" ||
    curl -fsSL -A curfew-tests -o "$work/crate.tar.gz" "https://crates.io/api/v1/crates/$crate/$version/download"
tar -xzf "$work/crate.tar.gz" -C "$work"
cd "$work/$crate-$version/librdkafka"
./configure --prefix="$target" --disable-gssapi --disable-curl --enable-zlib --enable-zstd --enable-ssl # every codec, as Debian's has
make -j "$(nproc)" libs
make install
echo "$version" >"$target/crate"
