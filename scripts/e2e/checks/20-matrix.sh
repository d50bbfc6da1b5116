# shellcheck shell=bash
# One script, several images: a loop, subshells, `&`, `wait`, COMMIT.
: "${top:?}" "${tmp:?}" "${registry:?}"

three_images() {
	shbuild "$top/examples/matrix/build.sh"
	local listed
	listed=$(shbuild ls | grep -c '^hello[: ]')
	same 'images in the store' "$listed" 3
	echo "$listed images"
}

# on_debian: the same shape with real work in it, pushed and run by podman.
on_debian() {
	mkdir "$tmp/matrix"
	cat >"$tmp/matrix/build.sh" <<-END
		#!/usr/bin/env shbuild
		FROM $registry/debian:12
		RUN apt-get update
		for package in less patch bc; do
		  (
		    RUN apt-get install -y --no-install-recommends \$package
		    COMMIT $registry/tool:\$package
		    PUSH $registry/tool:\$package
		  ) &
		done
		wait
	END
	shbuild "$tmp/matrix/build.sh"
	for package in less patch bc; do
		pulled tool:$package
		inside tool:$package $package --version | head -n 1
	done
	# A branch has its own files only.
	if inside tool:bc which less; then return 1; fi
	same 'repository' "$(skopeo list-tags --tls-verify=false "docker://$registry/tool" | grep -cE '"(less|patch|bc)"')" 3
	echo 'less, patch and bc, each in its own image'
}

check 'the matrix example gives three images' three_images
check 'three images on Debian, pushed and run' on_debian
