# shellcheck shell=bash
# What real registries and disks do wrong.
: "${tmp:?}" "${registry:?}"

# fails LINE PATTERN: a build from LINE fails, at its place, saying PATTERN.
fails() {
	local status=0
	printf '%s\n' "$1" >"$tmp/Bad"
	shbuild --progress plain "$tmp/Bad" >"$tmp/bad.out" 2>&1 || status=$?
	cat "$tmp/bad.out"
	[ $status != 0 ] || fail 'it passed'
	grep -m 1 -E "Bad:1:[0-9]+: .*$2" "$tmp/bad.out" | sed "s|$tmp/||"
}

# damaged HOW: HOW damages the one layer of a copy of the base in the registry's storage.
damaged() {
	local digest blob
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$registry/debian:12" "docker://$registry/damaged:1"
	digest=$(skopeo inspect --tls-verify=false "docker://$registry/damaged:1" | grep -o 'sha256:[0-9a-f]*' | tail -n 1)
	digest=${digest#sha256:}
	blob=$tmp/registry/docker/registry/v2/blobs/sha256/${digest:0:2}/$digest/data
	cp "$blob" "$tmp/blob.good"
	"$1" "$blob"
	local status=0
	SHBUILD_ROOT=$tmp/fresh-$1 fails "FROM $registry/damaged:1" '(digest|the manifest says)' || status=$?
	cat "$tmp/blob.good" >"$blob"
	[ $status = 0 ]
	# The same name works once the registry is whole again.
	SHBUILD_ROOT=$tmp/fresh-$1 shbuild "$tmp/Bad"
	sed "s|$tmp/||" "$tmp/bad.out" | grep -m 1 'Bad:1'
}
flip() { printf 'X' | dd of="$1" bs=1 seek=20000 conv=notrunc status=none; }
cut_off() { truncate -s 50000 "$1"; }

# full_disk: the state folder on a file system that ends after 30 MB, of this user's own namespace.
full_disk() {
	mkdir "$tmp/small"
	printf 'FROM builtin:toybox\nRUN head -c 40000000 /dev/zero > /big\n' >"$tmp/Full"
	# shellcheck disable=SC2016
	in_userns --mount sh -c '
		mount -t tmpfs -o size=30m small "$1/small"
		export SHBUILD_ROOT=$1/small
		if shbuild --progress plain "$1/Full"; then echo "it passed" && exit 1; fi
		sed "s/^RUN.*/RUN echo small/" "$1/Full" >"$1/NotFull"
		shbuild --progress plain "$1/NotFull"' sh "$tmp" >"$tmp/full.out" 2>&1 || { cat "$tmp/full.out" && return 1; }
	grep -iE -m 1 'no space left' "$tmp/full.out"
}

check 'no such image' fails "FROM $registry/nothing:1" 'nothing:1'
check 'no such tag' fails "FROM $registry/debian:13" 'debian:13'
check 'no registry there' fails 'FROM 127.0.0.1:1/debian:12' '127\.0\.0\.1:1'
check 'a layer that is not what its digest says' damaged flip
check 'a layer that is cut off' damaged cut_off
check 'a full disk: said so, and the next build works' full_disk
