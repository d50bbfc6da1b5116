# shellcheck shell=bash
# The other examples, and `#!`.
: "${top:?}" "${tmp:?}" "${registry:?}"

# example FOLDER [FLAG…]: builds and pushes it from a copy, run as a program.
example() {
	local name=$1
	shift
	shbuild "$@" --push -t "$registry/$name:1" "$top/examples/$name"/*.sh
	pulled "$name:1" >/dev/null
}

packages() {
	example packages --build-arg BASE="$registry/debian:12"
	inside packages:1 sh -c 'less --version && patch --version && bc --version' | grep -E '^(less|GNU patch|bc) '
}

conditional() {
	local base family
	for base in builtin:toybox "$registry/debian:12"; do
		example conditional --build-arg BASE="$base"
		family=$(skopeo inspect --tls-verify=false --config "docker://$registry/conditional:1" | sed -n 's/.*"family": *"\([a-z]*\)".*/\1/p')
		printf '%s is %s; ' "${base##*/}" "$family"
	done | tee "$tmp/families"
	same families "$(cat "$tmp/families")" 'builtin:toybox is other; debian:12 is debian; '
}

functions() {
	example functions
	same 'output' "$(inside functions:1)" READY
	echo 'the service says READY'
}

# hello is a plain Dockerfile; the working directory and user that it sets hold in podman.
hello() {
	shbuild --push -t "$registry/hello:1" "$top/examples/hello/Dockerfile"
	pulled hello:1 >/dev/null
	inside hello:1
}

shebang() {
	"$top/examples/matrix/build.sh" french
}

check hello hello
check packages packages
check 'conditional, on two bases' conditional
check functions functions
check 'a script is a program by #!' shebang
