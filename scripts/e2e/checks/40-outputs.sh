# shellcheck shell=bash
# The forms of output, read by other people's programs.
: "${top:?}" "${tmp:?}" "${registry:?}"

out() { shbuild --output "$1" "$top/examples/hello/Dockerfile"; }

by_skopeo() {
	out "type=oci,dest=$tmp/hello.oci.tar"
	skopeo inspect "oci-archive:$tmp/hello.oci.tar" | grep '"Architecture"'
}

by_umoci() {
	# umoci finds an image by its tag; skopeo gives it one.
	skopeo copy -q "oci-archive:$tmp/hello.oci.tar" "oci:$tmp/hello.oci:hello"
	umoci unpack --rootless --image "$tmp/hello.oci:hello" "$tmp/bundle"
	cat "$tmp/bundle/rootfs/hello.txt"
}

# Several images of one script lie in one layout.
many() {
	shbuild --output "type=oci,dest=$tmp/matrix.oci.tar" "$top/examples/matrix/build.sh"
	mkdir "$tmp/matrix.oci"
	tar -xf "$tmp/matrix.oci.tar" -C "$tmp/matrix.oci"
	umoci ls --layout "$tmp/matrix.oci" | grep -c hello
}

by_docker() {
	shbuild -t hello:docker --output "type=docker,dest=$tmp/hello.docker.tar" "$top/examples/hello/Dockerfile"
	docker -H "$SHBUILD_E2E_DOCKER" load -i "$tmp/hello.docker.tar"
	docker -H "$SHBUILD_E2E_DOCKER" run --rm --network none hello:docker
}

by_tar() {
	out "type=tar,dest=$tmp/hello.tar"
	tar -xOf "$tmp/hello.tar" hello.txt 2>/dev/null || tar -xOf "$tmp/hello.tar" ./hello.txt
}

by_folder() {
	out "type=local,dest=$tmp/hello.d"
	cat "$tmp/hello.d/hello.txt"
}

by_registry() {
	out "type=registry,name=$registry/hello:out"
	skopeo inspect --tls-verify=false "docker://$registry/hello:out" | grep '"Digest"'
}

check 'skopeo inspects the OCI archive' by_skopeo
check 'umoci unpacks it' by_umoci
check 'a matrix is one OCI layout of three' many
check 'a tar of the files' by_tar
check 'a folder of the files' by_folder
check 'straight into the registry' by_registry
if [ -n "${SHBUILD_E2E_DOCKER:-}" ]; then
	check 'docker loads and runs the docker archive' by_docker
else
	skip 'docker loads and runs the docker archive' 'no dockerd could be started (it needs root and docker.io)'
fi
