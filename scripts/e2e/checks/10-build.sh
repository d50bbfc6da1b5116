# shellcheck shell=bash
# A plain Dockerfile that installs Debian packages: built, pushed, pulled and run elsewhere.
: "${top:?}" "${tmp:?}" "${registry:?}" "${ms:=0}"

git_image() { shbuild "$@" --build-arg BASE="$registry/debian:12" -t "$registry/git:1" "$top/examples/debian-git/Dockerfile"; }

built() {
	ms git_image --push
	printf '%d s\n' $((ms / 1000))
	shbuild ls | grep -F "$registry/git"
}

# What a package manager sets: owners, groups, setuid and setgid bits.
owners() {
	local got want='root:root 1777 /tmp
root:root 4755 /usr/bin/su
root:root 4755 /usr/bin/passwd
root:root 4755 /usr/lib/openssh/ssh-keysign
root:_ssh 2755 /usr/bin/ssh-agent
root:shadow 2755 /usr/bin/chage
root:shadow 640 /etc/shadow
root:mail 2775 /var/mail
root:staff 2775 /var/local
_apt:root 700 /var/cache/apt/archives/partial'
	# shellcheck disable=SC2046
	got=$(inside git:1 stat -c '%U:%G %a %n' $(awk '{print $3}' <<<"$want"))
	same 'owners and modes' "$got" "$want"
	echo "$(wc -l <<<"$want") as dpkg left them"
}

# ping works for users by a file capability, which is an extended attribute of the layer's tar.
capability() {
	export -f engine
	export tmp registry runtime
	local got
	# shellcheck disable=SC2016
	got=$(engine unshare bash -c 'engine image mount "$registry/git:1" >/dev/null
		cd "$(engine image mount "$registry/git:1")" && getcap -r usr; engine image unmount "$registry/git:1" >/dev/null')
	same capabilities "$got" 'usr/bin/ping cap_net_raw=ep'
	engine run --rm --network=none --cap-add=NET_RAW --user nobody "$registry/git:1" ping -c 1 127.0.0.1 | grep 'bytes from'
	echo "$got, and nobody can ping"
}

# dpkg holds the checksums of what it unpacked. The Dockerfile itself removes one folder.
contents() {
	local wrong
	wrong=$(inside git:1 dpkg --verify | grep -v ' /var/lib/apt/lists/partial$' || true)
	same 'files that differ' "$wrong" ''
	# shellcheck disable=SC2016
	inside git:1 sh -c 'echo "$(dpkg -l | grep -c ^ii) packages, every file as it was packed"'
}

# The layer that RUN made has none of the files that only a running container needs.
no_stubs() {
	skopeo copy -q --src-tls-verify=false "docker://$registry/git:1" "dir:$tmp/git"
	local layer
	layer=$(skopeo inspect "dir:$tmp/git" | sed -n 's/.*"sha256:\([0-9a-f]*\)".*/\1/p' | tail -n 1)
	tar -tf "$tmp/git/$layer" >"$tmp/names"
	if grep -E '^(\./)?(etc/(resolv.conf|hosts|hostname)|dev/.+|proc/.+|sys/.+|\.dockerenv)$' "$tmp/names"; then return 1; fi
	echo "$(wc -l <"$tmp/names") entries"
}

runs_nothing() {
	local before after
	before=$(git_image -q)
	ms git_image --progress plain
	after=$(git_image -q)
	same 'image id' "$after" "$before"
	if grep -E 'Get:|Reading package lists|Setting up' "$tmp/log"; then return 1; fi
	echo "$ms ms"
}

git_runs() { inside git:1 git --version; }

check 'Debian with git, ping and ssh builds and is pushed' built
check 'podman pulls it' pulled git:1
check 'podman runs it' git_runs
check 'owners, setuid and setgid bits' owners
check "ping's capability" capability
check 'contents by dpkg --verify' contents
check 'nothing of the container is left in the layer' no_stubs
check 'the second build runs nothing' runs_nothing
