#!/usr/bin/env shbuild
# Instructions in functions, and functions in a file of their own: macros and includes need no new syntax.
#
#     examples/functions/build.sh
FROM builtin:toybox
. ./lib.sh

tool count
tool shout
retry 3 RUN sh -c 'echo ready | shout > /ready'   # reached through "$@": exec form, so it brings its shell
service shout
