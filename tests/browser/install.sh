#!/bin/sh
# Browser tests need Chromium and Japanese glyphs. As root this installs them where missing;
# otherwise it prints the one line to run and stops.
set -eu

missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium"
[ -n "$(find /usr/share/fonts /usr/local/share/fonts -iname 'NotoSansCJK*' 2>/dev/null | head -n 1)" ] ||
    missing="$missing fonts-noto-cjk"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "The browser tests need:$(printf ' %s' $missing). Run: sudo apt-get install --yes $missing" >&2
    exit 1
fi
apt-get update --quiet=2
DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes $missing >/dev/null
