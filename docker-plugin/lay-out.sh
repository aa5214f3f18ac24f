#!/bin/sh
# Lays out the root file system of the plugin in an empty folder: the tools of where this runs, and the built program.
# Usage: lay-out.sh FOLDER
set -eu
root=$1
here=$(dirname "$0")

sh "$here/collect.sh" "$root"
cp "$here/environment" "$root/etc/environment"
cp -R "$here/../dist" "$root/usr/lib/remora"
for name in rexray remora dvdcli; do ln -s ../lib/remora/main.js "$root/usr/bin/$name"; done
