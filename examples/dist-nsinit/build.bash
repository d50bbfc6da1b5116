#!/usr/bin/env bash
# A Dockerfile is a shell script: this page makes it one. Each instruction is a function over two programs, dist
# and nsinit, and bash reads the Dockerfile as it stands.
#
#     ln -s "$(command -v shbuild)" ~/bin/dist; ln -s "$(command -v shbuild)" ~/bin/nsinit
#     examples/dist-nsinit/build.bash examples/dist-nsinit/Dockerfile
set -eu

rootfs=${ROOTFS:-rootfs} # what is built: a folder
cwd=/ mem='' userns=''

FROM()   { dist pull "$1" "$rootfs"; }
USERNS() { userns=${1-}; }
CWD()    { cwd=$1; }
MEM()    { mem=${1-}; }

EXEC() {
    nsinit exec --tty --rootfs "$rootfs" --create --cwd "$cwd" \
        ${mem:+--memory-limit "$mem" --memory-swap "$mem"} \
        ${userns:+--userns-root-uid "$userns"} -- "$@"
}

RUN() { EXEC /bin/sh -c "$*"; }

# shellcheck source=/dev/null
. "$1"
