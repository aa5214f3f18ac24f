#!/bin/sh
# Copies what Remora needs of an operating system into an empty folder: node, the tools that it runs, the libraries of
# both, and the certificates of the authorities. What is copied is enough to be copied from again. The packages that it is of
# are listed in usr/share/remora/packages, a line each: name, version, architecture.
# Usage: collect.sh FOLDER
set -eu
root=$1
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

programs='node sh env
  cat chmod chown cmp cp cut dd df dirname du head ln ls mkdir mknod mv od readlink realpath rm rmdir sed sleep sort stat sync
  tail timeout touch tr true uname
  flock setsid unshare mount umount losetup blkid wipefs fsfreeze lsblk
  mke2fs mkfs.ext4 e2fsck resize2fs tune2fs dumpe2fs chattr lsattr
  mkfs.xfs xfs_growfs xfs_repair xfs_db
  mkfs.btrfs btrfs btrfstune
  perl'
files='/etc/mke2fs.conf /etc/os-release /etc/ssl/certs/ca-certificates.crt'
packages='coreutils dash diffutils sed e2fsprogs xfsprogs btrfs-progs util-linux mount perl-base ca-certificates'
list=/usr/share/remora/packages
taken=

find_program() (
  IFS=:
  for folder in $path; do
    if [ -x "$folder/$1" ]; then echo "$folder/$1" && exit; fi
  done
  echo "collect.sh: $1 is not installed (Debian has it in one of: nodejs $packages)" >&2
  exit 1
)

is_binary() {
  [ "$(head -c 4 "$1" | tr -d '\177')" = ELF ]
}

# The loader of a program names the libraries that it would load, instead of starting it.
needed_by() {
  LD_TRACE_LOADED_OBJECTS=1 "$1" | tr -s '\t ' '\n\n' | sed -n '/^\//p'
}

take() {
  if [ -e "$root$1" ]; then return; fi
  mkdir -p "$root${1%/*}"
  cp -L "$1" "$root$1"
  taken="$taken $(readlink -f "$1")"
}

# A package may know its files by the names they had before /lib and /bin became links.
packages_of() {
  for file in "$@"; do echo "$file" "${file#/usr}"; done | xargs dpkg-query --search 2> /dev/null |
    sed -n '/^diversion/d; s/[:,].*//p' | sort -u
}

list_packages() {
  mkdir -p "$root${list%/*}"
  if [ -e "$list" ]; then cp "$list" "$root$list" && return; fi
  if command -v dpkg-query > /dev/null; then
    dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' $(packages_of $taken /usr/sbin/update-ca-certificates)
  fi > "$root$list"
  if ! grep -q '^nodejs ' "$root$list"; then
    "$(find_program node)" -p '`node ${process.versions.node} ${process.arch.replace("x64", "amd64")}`' >> "$root$list"
  fi
}

take_program() {
  found=$(find_program "$1")
  take "$found"
  if ! is_binary "$found"; then return; fi
  for library in $(needed_by "$found"); do take "$library"; done
}

for folder in bin sbin lib lib64; do
  mkdir -p "$root/usr/$folder"
  ln -s "usr/$folder" "$root/$folder"
done
mkdir -p "$root/dev" "$root/etc" "$root/proc" "$root/root" "$root/run" "$root/sys" "$root/tmp" "$root/var/log"
chmod 1777 "$root/tmp"
ln -s ../run "$root/var/run"
for program in $programs; do take_program "$program"; done
# Loaded by the library of names when a name is first looked up; newer ones have them built in.
for library in "$root"/lib/*/libc.so.6 "$root"/lib64/libc.so.6; do
  if [ ! -e "$library" ]; then continue; fi
  folder=${library%/*} && folder=${folder#"$root"}
  for name in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
    if [ -e "$folder/$name" ]; then take "$folder/$name"; fi
  done
done
for file in $files; do take "$file"; done
list_packages
for package in $(cut -d ' ' -f 1 "$root$list"); do
  if [ -e "/usr/share/doc/$package/copyright" ]; then take "/usr/share/doc/$package/copyright"; fi
done
echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
