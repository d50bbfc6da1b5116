#!/usr/bin/env shbuild
# Several images from one file. A subshell branches the image, as it branches a shell's variables; `&` builds the
# branches side by side and `wait` joins them. What stands before the loop is built once, for all of them.
#
#     examples/matrix/build.sh           hello:english hello:french hello:german
#     examples/matrix/build.sh french    only that one
[ $# -gt 0 ] || set -- english french german

FROM builtin:toybox
RUN mkdir -p /srv && echo "shared by all" > /srv/notes

for language in "$@"; do
  (
    COPY words/$language.txt /srv/word
    LABEL language=$language
    RUN echo "$(cat /srv/word), world" > /srv/greeting   # $( ) of a RUN line is the container's
    CMD ["cat", "/srv/greeting"]
    COMMIT hello:$language
  ) &
done
wait
