#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian packages of what `make install` has put below DIR/root with PREFIX=/usr: the command, the library,
# and what programs are built with. `make deb` calls it; it needs SOURCE_DATE_EPOCH, the time of all it makes.
#
#	deb.sh DIR VERSION SONAME LIBDIR OUT
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 version=$2 soname=$3 libdir=${4#/} out=$5
# libcorepath.so.0 is in libcorepath0: Debian's policy, 8.1
library=$(echo "$soname" | sed 's/\.so\.//')
# No address is known for questions about a package but that of who made it.
maintainer="${DEBFULLNAME:-who built this package} <${DEBEMAIL:-corepath@corepath.invalid}>"
packages="corepath $library libcorepath-dev"

# move PACKAGE PATH...: from below root
move()
{
	package=$1
	shift
	for path in "$@"; do
		mkdir -p "$package/${path%/*}"
		mv "root/$path" "$package/$path"
	done
}

# What only stands in the file systems of packages, and not in every installation.
document()
{
	mkdir -p "$1/DEBIAN" "$1/usr/share/doc/$1" "$1/usr/share/lintian/overrides"
	install -m 644 "$here/copyright" "$1/usr/share/doc/$1/copyright"
	gzip -9n < debian/changelog > "$1/usr/share/doc/$1/changelog.gz"
	if [ -e "$here/$1.lintian-overrides" ]; then
		install -m 644 "$here/$1.lintian-overrides" "$1/usr/share/lintian/overrides/$1"
	else
		rm -r "$1/usr/share/lintian"
	fi
}

cd "$dir"
chmod -R u+rwX,go+rX,go-w root
mkdir debian
sed "s|@maintainer@|$maintainer|; s|@package@|$library|" "$here/control.in" > debian/control
cat > debian/changelog <<END
corepath ($version) unstable; urgency=medium

  * This version; what changed is in the history of its source.

 -- $maintainer  $(LC_ALL=C date -uRd "@$SOURCE_DATE_EPOCH")
END

for section in root/usr/share/man/man*; do
	gzip -9n "$section"/*
done
move "$library" "$libdir/$soname"
move libcorepath-dev "$libdir/libcorepath.so" "$libdir/libcorepath.a" "$libdir/pkgconfig" usr/include
rmdir "root/$libdir"
mv root corepath

for package in $packages; do
	document "$package"
done
# Before 1.0 any version may change the interface: what is built with one is for that one.
echo "libcorepath ${soname##*.} $library (= $version)" > "$library/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' > "$library/DEBIAN/triggers"
dpkg-shlibdeps -T"debian/$library.substvars" -e"$library/$libdir/$soname"
# who wants no HTTP need not have its library
dpkg-shlibdeps -Tdebian/corepath.substvars -dRecommends -ecorepath/usr/sbin/corepath-metrics
for package in $packages; do
	dpkg-gencontrol -p"$package" -P"$package" -T"debian/$package.substvars" -fdebian/files
	(cd "$package" && find usr -type f | LC_ALL=C sort | xargs md5sum > DEBIAN/md5sums)
	dpkg-deb --root-owner-group --build "$package" "$out"
done
