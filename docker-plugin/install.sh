#!/bin/sh
# Installs the tools that Remora runs where the base image lacks them: Debian's and Ubuntu's by themselves; any other base
# has to bring them.
set -eu
for tool in mkfs.ext4 mkfs.xfs mkfs.btrfs flock losetup mount cmp perl; do
  if ! command -v "$tool" > /dev/null; then
    apt-get update -q
    exec apt-get install -q -y --no-install-recommends \
      e2fsprogs xfsprogs btrfs-progs util-linux mount diffutils perl-base ca-certificates
  fi
done
