// Package conformance holds shbuild against BuildKit and podman: its tests build each case of testdata with shbuild,
// flatten the image, and compare every attribute of every file, the configuration and the history with what
// BuildKit made of the same case.
//
// A case is a txtar archive. Its comment opens with a sentence, and may hold these lines:
//
//	flags: --target x --build-arg A=b   given to every builder, in the spelling of docker build
//	context: http://server/x.git        the build context's address, if it is not the folder
//	setup: ln -s a b                    shell run in the build context first; several lines are one script
//	podman: why                         podman makes something else of it, or cannot build it
//
// In flags $CONTEXT is the build context. Files below `served` are not part of it: http://server has them, see
// server_test.go; git repositories among them are made by setup.
//
// Files are the build context's, all with the modification time 2001-02-03 04:05:06. `want` is what BuildKit made:
// what has changed against the base, as image.text writes it, or `refused`. The name toybox:1 in a Dockerfile is
// the builtin userland, which the others get from a registry.
//
// `make conformance` runs all cases with shbuild, and compares with podman where there is one; CONFORMANCE_PODMAN=10
// lets podman build one case in ten only, CONFORMANCE_PODMAN=0 none. CONFORMANCE_ISOLATION=one-id or chroot has
// shbuild build them on that rung; `rungs` lists the cases that differ there, with the reason. CONFORMANCE_SHARE=8
// builds one case in eight. on-rungs does both, as part of `make conformance`. With
// CONFORMANCE_BUILDKIT set to a buildkitd's address and buildctl on PATH, BuildKit builds them too;
// CONFORMANCE_UPDATE=1 then writes `want` anew.
package conformance
